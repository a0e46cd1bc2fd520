/** The whole state as the part of an address behind `#`, and back. */

import { GSUS, type Gsu, type Head } from "../charts/contract";

export const VIEWS = ["attention", "searches", "what-if", "compare", "numbers"] as const;
export type View = (typeof VIEWS)[number];

/** What the movement is measured against: the request as it was loaded, another search, the other side, or nothing. */
export const BASELINES = ["loaded", ...GSUS, "other", "nothing"] as const;
export type Baseline = (typeof BASELINES)[number];

export const SORTS = ["rank", "title", "click", "save", "score", "movement", "long", "recent", "skips", "item", "user"] as const;
export type Sort = (typeof SORTS)[number];

export const TASKS = ["click", "save"] as const;
export type Task = (typeof TASKS)[number];

/** Where one side comes from: somebody who is built in, addresses, or files of this computer by name. */
export interface Sources {
    person?: string;
    bundle?: string;
    shard?: string;
    /** A request or a capture. */
    request?: string;
    titles?: string;
    files?: readonly string[];
}

export interface LinkState {
    a: Sources;
    b: Sources;
    candidate?: string;
    gsu?: Gsu;
    weights?: { click: number; save: number };
    against?: Baseline;
    head?: Head;
    task?: Task;
    view?: View;
    sort?: Sort;
    descending?: boolean;
    filter?: string;
    page?: number;
    /** A stretch of time that is brushed. */
    brushed?: { from: number; to: number };
    /** The chosen event, by its index in the history as it is with edits. */
    event?: number;
    /** As `edits.encode` writes them. */
    edits?: string;
}

const SOURCES = ["person", "bundle", "shard", "request", "titles"] as const;

export function toHash(state: LinkState): string {
    const parameters = new URLSearchParams();
    const put = (name: string, value: string | number | undefined) => {
        if (value !== undefined && value !== "") parameters.set(name, String(value));
    };
    for (const [side, suffix] of [[state.a, ""], [state.b, "2"]] as const) {
        for (const name of SOURCES) put(name + suffix, side[name]);
        for (const file of side.files ?? []) parameters.append(`file${suffix}`, file);
    }
    put("candidate", state.candidate);
    put("gsu", state.gsu);
    put("weights", state.weights && `${state.weights.click},${state.weights.save}`);
    put("against", state.against);
    put("head", state.head);
    put("task", state.task);
    put("view", state.view);
    put("sort", state.sort && (state.descending ? `-${state.sort}` : state.sort));
    put("filter", state.filter);
    put("page", state.page);
    put("brushed", state.brushed && `${state.brushed.from},${state.brushed.to}`);
    put("event", state.event);
    put("edits", state.edits);
    return parameters.toString();
}

/** What an address says; fields that say nothing this page knows are listed, so that they can be told. */
export function fromAddress(search: string, hash: string): { state: LinkState; unread: string[] } {
    const parameters = new URLSearchParams(search);
    // What stands behind # was written later, by the page itself.
    for (const [name] of new URLSearchParams(hash.replace(/^#/, ""))) parameters.delete(name);
    for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) parameters.append(name, value);
    const unread: string[] = [];
    const taken = new Set<string>();
    const take = <T>(name: string, read: (text: string) => T | undefined): T | undefined => {
        taken.add(name);
        const text = parameters.get(name);
        if (text === null || text === "") return undefined;
        const value = read(text);
        if (value === undefined) unread.push(name);
        return value;
    };
    const state: LinkState = { a: sources(""), b: sources("2") };
    assign("candidate", take("candidate", (text) => (/^\d{1,20}$/.test(text) ? text : undefined)));
    assign("gsu", take("gsu", oneOf(GSUS)));
    assign("weights", take("weights", (text) => pair(text, (click, save) => (click >= 0 && save >= 0 && click + save > 0 ? { click, save } : undefined))));
    assign("against", take("against", oneOf(BASELINES)));
    assign("head", take("head", (text) => (text === "mean" ? "mean" : whole(text))));
    assign("task", take("task", oneOf(TASKS)));
    assign("view", take("view", oneOf(VIEWS)));
    const sort = take("sort", (text) => {
        const known = oneOf(SORTS)(text.replace(/^-/, ""));
        return known && { known, descending: text.startsWith("-") };
    });
    assign("sort", sort?.known);
    assign("descending", sort?.descending);
    assign("filter", take("filter", (text) => text.slice(0, 200)));
    assign("page", take("page", whole));
    assign("brushed", take("brushed", (text) => pair(text, (from, to) => (from <= to ? { from, to } : undefined))));
    assign("event", take("event", whole));
    assign("edits", take("edits", (text) => text));
    unread.push(...new Set([...parameters.keys()].filter((name) => !taken.has(name))));
    return { state, unread };

    function sources(suffix: string): Sources {
        const side: Sources = {};
        for (const name of SOURCES) {
            const value = take(name + suffix, (text) => text);
            if (value) side[name] = value;
        }
        taken.add(`file${suffix}`);
        const files = parameters.getAll(`file${suffix}`);
        if (files.length > 0) side.files = files;
        return side;
    }

    function assign<K extends keyof LinkState>(name: K, value: LinkState[K] | undefined): void {
        if (value !== undefined) state[name] = value;
    }
}

const oneOf =
    <T extends string>(all: readonly T[]) =>
    (text: string): T | undefined =>
        all.find((one) => one === text);

const whole = (text: string): number | undefined => (/^\d{1,7}$/.test(text) ? Number(text) : undefined);

function pair<T>(text: string, make: (first: number, second: number) => T | undefined): T | undefined {
    const parts = text.split(",");
    const [first, second] = parts.map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
    if (parts.length !== 2 || first === undefined || second === undefined) return undefined;
    return Number.isFinite(first) && Number.isFinite(second) ? make(first, second) : undefined;
}
