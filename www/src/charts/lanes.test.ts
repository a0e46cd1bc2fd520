import { expect, test } from "vitest";
import { actionsOf, binned, lanesOf, lowerBound, nearest, SHADES, shaded } from "./lanes";
import { historyOf, NOW } from "./samples";
import { spanOf, timeScale } from "./time-scale";

const history = historyOf([["click", 50], ["skip", 40], ["save", 30], ["click", 60], ["hide", 20], ["click", 10]]);
const scale = timeScale("date", spanOf(history.time, history.now), history.now);

test("lanes hold what was engaged with above what was skipped, each oldest first", () => {
    const lanes = lanesOf(history, scale);
    expect(lanes.map(({ action, skipped }) => [action, skipped])).toEqual([["save", false], ["click", false], ["skip", true], ["hide", true]]);
    expect([...lanes[1]!.events]).toEqual([3, 0, 5]);
    expect([...lanes[1]!.at]).toEqual([NOW - 60, NOW - 50, NOW - 10]);
});

test("an action that nobody knows is read as other", () => {
    const odd = { ...history, action: Uint8Array.from([1, 99, 255, 1, 5, 0]) };
    expect([...actionsOf(odd)]).toEqual([1, 0, 0, 1, 5, 0]);
    expect(lanesOf(odd, scale).reduce((count, lane) => count + lane.events.length, 0)).toBe(6);
});

test("bins count every event between their ends once", () => {
    const at = Float64Array.from([-1, 0, 0.5, 1, 1, 9.999, 10, 11]);
    const counts = binned(at, 0, 10, 5);
    expect([...counts]).toEqual([4, 0, 0, 0, 1]);
});

test("bounds are found as by looking at each", () => {
    const ascending = [1, 3, 3, 3, 8];
    for (let value = 0; value < 10; value += 1) {
        const first = ascending.findIndex((one) => one >= value);
        expect(lowerBound(ascending, value)).toBe(first < 0 ? ascending.length : first);
    }
});

test("a column's shade grows with its count, and each marked bin has one", () => {
    const shades = shaded(Uint32Array.from([0, 1, 100, 7, 1]), 100);
    expect(shades.flat().sort()).toEqual([1, 2, 3, 4]);
    expect(shades[0]).toEqual([1, 4]);
    expect(shades[SHADES.length - 1]).toEqual([2]);
    expect(shaded(Uint32Array.from([1]), 1)[SHADES.length - 1]).toEqual([0]);
});

test("the nearest event is within reach, with how many share its place", () => {
    const lane = { action: "click" as const, skipped: false, events: Int32Array.from([7, 8, 9]), at: Float64Array.from([10, 20, 21]) };
    expect(nearest(lane, 12, 5, 2)).toEqual({ event: 7, near: 1 });
    expect(nearest(lane, 20.4, 5, 2)).toEqual({ event: 8, near: 2 });
    expect(nearest(lane, 20.6, 5, 2)).toEqual({ event: 9, near: 2 });
    expect(nearest(lane, 15.5, 5, 2)).toEqual({ event: 8, near: 2 });
    expect(nearest(lane, 40, 5, 2)).toBeNull();
});
