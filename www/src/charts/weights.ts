/** Attention weights under the head that is shown. */

import type { Attended, Attention, Head } from "./contract";

/** The weight of one event under one head, or the mean of all heads. */
export function weightOf(attention: Attention, head: Head): number {
    if (head !== "mean") {
        const weight = attention.heads[head];
        if (weight === undefined) throw new RangeError(`no head ${head}: attention has ${attention.heads.length}`);
        return weight;
    }
    let sum = 0;
    for (const weight of attention.heads) sum += weight;
    return attention.heads.length === 0 ? 0 : sum / attention.heads.length;
}

/** What a list shows of a chosen head: a part with fewer heads, as skips have, shows the mean of those it has. */
export function headOf(list: readonly Attention[], head: Head): Head {
    return head === "mean" || head < (list[0]?.heads.length ?? 0) ? head : "mean";
}

/** A list that attention looked at, with its name in every chart and table. */
export type List = keyof Attended;
export const LISTS: readonly { list: List; label: string }[] = [
    { list: "long", label: "search" },
    { list: "recent", label: "recent" },
    { list: "skips", label: "skips" },
];

/** An event with its weight. */
export interface Weighed {
    event: number;
    weight: number;
}

/** Most weight first; ties in the order given. */
export function weighed(list: readonly Attention[], head: Head): Weighed[] {
    return list
        .map((attention) => ({ event: attention.event, weight: weightOf(attention, head) }))
        .sort((a, b) => b.weight - a.weight);
}

/** How the head is called. */
export function headName(head: Head): string {
    return head === "mean" ? "mean of all heads" : `head ${head + 1}`;
}

/** How many heads the attention has, in the part that has most. */
export function headsOf(attended: Attended): number {
    return Math.max(0, ...LISTS.map(({ list }) => attended[list][0]?.heads.length ?? 0));
}

/** The next round number at which an axis may end, with a half that is round too; 1 where there is nothing. */
export function niceCeiling(value: number): number {
    if (value <= 0) return 1;
    const power = 10 ** Math.floor(Math.log10(value));
    // A hair of tolerance: 0.3 / 0.1 is above 3 in floats.
    const step = [1, 1.2, 1.6, 2, 2.5, 3, 4, 5, 6, 8, 10].find((candidate) => value <= candidate * power * (1 + 1e-9)) ?? 10;
    return step * power;
}
