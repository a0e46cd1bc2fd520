/** Ages as attention knows them: buckets that double, from a minute to decades. */

import { LENGTH } from "./words";

/** Bucket of an age in milliseconds: the bit length of its whole minutes, at most `last`. Bucket b ends at 2^b minutes. */
export function ageBucket(age: number, last: number): number {
    const minutes = Math.floor(Math.max(age, 0) / LENGTH.MINUTE);
    // Exact for whole numbers below 2^53, where a logarithm would not be.
    let bits = 0;
    for (let rest = minutes; rest >= 1; rest = Math.floor(rest / 2)) bits += 1;
    return Math.min(bits, last);
}

/** A tick of an axis of log2(minutes), at a round age. */
export interface AgeTick {
    /** Milliseconds. */
    age: number;
    label: string;
}

/** Round ages, from near to far; few enough for a phone. */
export const AGE_TICKS: readonly AgeTick[] = [
    { age: LENGTH.MINUTE, label: "1 min" },
    { age: 10 * LENGTH.MINUTE, label: "10 min" },
    { age: LENGTH.HOUR, label: "1 h" },
    { age: 6 * LENGTH.HOUR, label: "6 h" },
    { age: LENGTH.DAY, label: "1 day" },
    { age: LENGTH.WEEK, label: "1 week" },
    { age: LENGTH.MONTH, label: "1 month" },
    { age: 6 * LENGTH.MONTH, label: "6 mon" },
    { age: LENGTH.YEAR, label: "1 year" },
    { age: 5 * LENGTH.YEAR, label: "5 y" },
    { age: 20 * LENGTH.YEAR, label: "20 y" },
];

/** More of them, for an axis that is zoomed. */
export const FINE_AGE_TICKS: readonly AgeTick[] = [
    ...[1, 2, 5, 10, 20, 30].map((count) => ({ age: count * LENGTH.MINUTE, label: `${count} min` })),
    ...[1, 2, 3, 6, 12].map((count) => ({ age: count * LENGTH.HOUR, label: `${count} h` })),
    ...[1, 2, 3, 5].map((count) => ({ age: count * LENGTH.DAY, label: `${count} d` })),
    ...[1, 2].map((count) => ({ age: count * LENGTH.WEEK, label: `${count} wk` })),
    ...[1, 2, 3, 6].map((count) => ({ age: count * LENGTH.MONTH, label: `${count} mon` })),
    ...[1, 1.5, 2, 3, 5, 7, 10, 20, 30].map((count) => ({ age: count * LENGTH.YEAR, label: `${count} y` })),
];

/** Groups of ages for sums, from near to far; each ends where the next begins. */
export const AGE_GROUPS: readonly { below: number; label: string }[] = [
    { below: LENGTH.HOUR, label: "under an hour" },
    { below: LENGTH.DAY, label: "1 to 24 hours" },
    { below: LENGTH.WEEK, label: "1 to 7 days" },
    { below: LENGTH.MONTH, label: "1 to 4 weeks" },
    { below: 3 * LENGTH.MONTH, label: "1 to 3 months" },
    { below: LENGTH.YEAR, label: "3 to 12 months" },
    { below: 2 * LENGTH.YEAR, label: "1 to 2 years" },
    { below: 5 * LENGTH.YEAR, label: "2 to 5 years" },
    { below: Infinity, label: "over 5 years" },
];

/** Index into {@link AGE_GROUPS}. */
export function ageGroup(age: number): number {
    return AGE_GROUPS.findIndex((group) => age < group.below);
}
