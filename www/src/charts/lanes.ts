/** All events as marks in lanes, one lane for each action; what falls on one column of pixels becomes one mark. */

import { ACTIONS, type History } from "./contract";
import type { TimeScale } from "./time-scale";

/** From top to bottom; skips apart, below. */
const ENGAGED = ["save", "click", "closeup", "other"] as const;
const SKIPPED = ["skip", "hide"] as const;

export interface Lane {
    action: (typeof ACTIONS)[number];
    /** Whether the lane holds what was seen and not engaged with. */
    skipped: boolean;
    /** Indices of events, oldest first. */
    events: Int32Array;
    /** Their places on the axis, ascending. */
    at: Float64Array;
}

/** Lanes that hold an event, from top to bottom. */
export function lanesOf(history: History, scale: TimeScale): Lane[] {
    const counts = new Array<number>(ACTIONS.length).fill(0);
    const action = actionsOf(history);
    for (const code of action) counts[code]! += 1;
    const groups = counts.map((count) => ({ events: new Int32Array(count), filled: 0 }));
    action.forEach((code, event) => {
        const group = groups[code]!;
        group.events[group.filled++] = event;
    });
    const lanes: Lane[] = [];
    for (const name of [...ENGAGED, ...SKIPPED]) {
        const { events } = groups[ACTIONS.indexOf(name)]!;
        if (events.length === 0) continue;
        // Histories are in order as a rule, and sorting tens of thousands of events is what an edit would wait for.
        const ordered = events.every((event, i) => i === 0 || history.time[events[i - 1]!]! <= history.time[event]!);
        if (!ordered) events.sort((a, b) => history.time[a]! - history.time[b]! || a - b);
        const at = new Float64Array(events.length);
        for (let i = 0; i < at.length; i += 1) at[i] = scale.at(history.time[events[i]!]!);
        lanes.push({ action: name, skipped: name === "skip" || name === "hide", events, at });
    }
    return lanes;
}

/** Actions by code; a code that no action has is read as `other`, as the ranker reads it. */
export function actionsOf(history: History): Uint8Array {
    return history.action.map((code) => (code < ACTIONS.length ? code : 0));
}

/** First index of an ascending list whose value is not below `value`. */
export function lowerBound(ascending: ArrayLike<number>, value: number): number {
    let [low, high] = [0, ascending.length];
    while (low < high) {
        const middle = (low + high) >> 1;
        if (ascending[middle]! < value) low = middle + 1;
        else high = middle;
    }
    return low;
}

/** How many events fall on each of `bins` equal stretches from `from` to `to`; events beyond them are left out. */
export function binned(at: Float64Array, from: number, to: number, bins: number): Uint32Array {
    const counts = new Uint32Array(bins);
    const perValue = bins / (to - from);
    for (let i = lowerBound(at, from); i < at.length && at[i]! < to; i += 1) {
        counts[Math.min(Math.floor((at[i]! - from) * perValue), bins - 1)]! += 1;
    }
    return counts;
}

/** Opacities of marks, from one event to the most that fall on any column. */
export const SHADES = [0.2, 0.32, 0.45, 0.58, 0.7] as const;

/** Bins by shade: the numbers of the bins that each of {@link SHADES} draws; each doubling of the count adds as much. */
export function shaded(counts: Uint32Array, most: number): number[][] {
    const shades: number[][] = SHADES.map(() => []);
    const full = Math.log2(1 + most);
    counts.forEach((count, bin) => {
        if (count > 0) shades[Math.ceil((Math.log2(1 + count) / full) * SHADES.length) - 1]!.push(bin);
    });
    return shades;
}

/** The event of a lane that is nearest to a place, with the number of those within `near` of it; null where none is in reach. */
export function nearest(lane: Lane, place: number, reach: number, near: number): { event: number; near: number } | null {
    const first = lowerBound(lane.at, place - reach);
    const end = lowerBound(lane.at, place + reach);
    if (first === end) return null;
    const after = lowerBound(lane.at, place);
    const before = after - 1;
    const closer = after < end && (before < first || lane.at[after]! - place < place - lane.at[before]!) ? after : before;
    const found = lane.at[closer]!;
    return { event: lane.events[closer]!, near: lowerBound(lane.at, found + near) - lowerBound(lane.at, found - near) };
}
