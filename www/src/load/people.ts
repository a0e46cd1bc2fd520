/** People that come with the page: `data/people.json`, which `cargo xtask inspect` writes. */

import { Problem } from "./problem";

export interface Person {
    /** `<set>/<key>`. */
    id: string;
    key: string;
    events: number;
    candidates: number;
    /** What is known of the person, in words; may be empty. */
    attributes: string;
    /** Address of the capture. */
    capture: string;
}

export interface PeopleSet {
    name: string;
    /** One sentence on where the people come from. */
    about: string;
    /** True where nobody of them exists. */
    simulated: boolean;
    bundle: string;
    shard: string;
    titles: string;
    people: Person[];
}

const INDEX = "data/people.json";

/** Null where the page is hosted without people. */
export async function fetchPeople(): Promise<PeopleSet[] | null> {
    const response = await fetch(new URL(INDEX, document.baseURI));
    if (response.status === 404) return null;
    if (!response.ok) throw new Problem(`${INDEX} cannot be fetched: the server answered ${response.status}. Reload the page.`);
    const type = response.headers.get("content-type") ?? "";
    // Some servers answer what they lack with a page.
    if (type.includes("html")) return null;
    const index = (await response.json()) as { sets: PeopleSet[] };
    const address = (path: string) => `data/${path}`;
    return index.sets.map((set) => ({
        ...set,
        bundle: address(set.bundle),
        shard: address(set.shard),
        titles: address(set.titles),
        people: set.people.map((person) => ({ ...person, capture: address(person.capture) })),
    }));
}

export function findPerson(sets: readonly PeopleSet[], id: string): { set: PeopleSet; person: Person } | null {
    for (const set of sets) {
        const person = set.people.find((person) => person.id === id);
        if (person) return { set, person };
    }
    return null;
}
