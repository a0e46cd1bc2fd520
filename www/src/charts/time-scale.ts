/** Time along an axis: by date, as it passed, or by age, where each doubling takes the same room. Both grow with time. */

import { AGE_TICKS, FINE_AGE_TICKS, type AgeTick } from "./age";
import type { Range } from "./contract";
import { LENGTH } from "./words";

export type ScaleName = "date" | "age";

export interface TimeScale {
    name: ScaleName;
    /** Where a time lies on the axis. */
    at(time: number): number;
    /** The time of a place on the axis. */
    time(at: number): number;
    /** Ends of the axis when everything is shown. */
    from: number;
    to: number;
    /** The closest that zoom goes, in the axis's own measure. */
    closest: number;
    /** Labelled places, by how much is shown; null where the axis finds dates by itself. */
    ticks: ((shown: number) => readonly { at: number; label: string }[]) | null;
}

/** An axis by age that shows fewer doublings than this has room for more labels. */
const FINE = 9;

/** Room beyond the first and last event, as a share of the axis. */
const MARGIN = 0.02;

export function timeScale(name: ScaleName, span: Range, now: number): TimeScale {
    return name === "date" ? byDate(span, now) : byAge(span, now);
}

function byDate(span: Range, now: number): TimeScale {
    const to = Math.max(span.to, now);
    const margin = Math.max((to - span.from) * MARGIN, LENGTH.MINUTE);
    return {
        name: "date",
        at: (time) => time,
        time: (at) => at,
        from: span.from - margin,
        to: to + margin,
        closest: 10 * LENGTH.MINUTE,
        ticks: null,
    };
}

function byAge(span: Range, now: number): TimeScale {
    // −log2(1 + minutes): the age buckets of attention, young at the right, as on the axis by date.
    const at = (time: number) => -Math.log2(1 + Math.max(now - time, 0) / LENGTH.MINUTE);
    const placed = (ticks: readonly AgeTick[]) => [...ticks.map(({ age, label }) => ({ at: at(now - age), label })), { at: 0, label: "now" }];
    const [coarse, fine] = [placed(AGE_TICKS), placed(FINE_AGE_TICKS)];
    const first = at(span.from);
    const margin = Math.max(-first * MARGIN, 0.1);
    return {
        name: "age",
        at,
        time: (place) => now - (2 ** Math.max(-place, 0) - 1) * LENGTH.MINUTE,
        from: first - margin,
        to: margin,
        closest: 0.05,
        ticks: (shown) => (shown < FINE ? fine : coarse),
    };
}

/** First and last of many times; both `now` where there is none. */
export function spanOf(times: Float64Array, now: number): Range {
    let [from, to] = [Infinity, -Infinity];
    for (const time of times) {
        if (time < from) from = time;
        if (time > to) to = time;
    }
    return from <= to ? { from, to } : { from: now, to: now };
}
