import { expect, test } from "vitest";
import { NOW } from "./samples";
import { spanOf, timeScale, type ScaleName } from "./time-scale";
import { around, panned, viewOf, windowOf, within, zoomed } from "./view";
import { LENGTH } from "./words";

const span = { from: NOW - 10 * LENGTH.YEAR, to: NOW - LENGTH.MINUTE };
const NAMES: readonly ScaleName[] = ["date", "age"];

test.each(NAMES)("by %s, places grow with time and lead back to it", (name) => {
    const scale = timeScale(name, span, NOW);
    let before = -Infinity;
    for (const age of [10 * LENGTH.YEAR, LENGTH.YEAR, LENGTH.DAY, LENGTH.HOUR, LENGTH.MINUTE, 1, 0]) {
        const place = scale.at(NOW - age);
        expect(place).toBeGreaterThan(before);
        expect(place).toBeGreaterThan(scale.from);
        expect(place).toBeLessThan(scale.to);
        // A thousandth of the age, or a millisecond.
        expect(Math.abs(scale.time(place) - (NOW - age))).toBeLessThanOrEqual(Math.max(age * 1e-3, 1));
        before = place;
    }
});

test("by age, each doubling takes the same room", () => {
    const scale = timeScale("age", span, NOW);
    const at = (minutes: number) => scale.at(NOW - minutes * LENGTH.MINUTE);
    expect(at(1023) - at(2047)).toBeCloseTo(1, 9);
    expect(at(7) - at(15)).toBeCloseTo(1, 9);
    expect(at(-5)).toBe(at(0));
});

test("by age, a closer look has more labels", () => {
    const ticks = timeScale("age", span, NOW).ticks!;
    expect(ticks(4).length).toBeGreaterThan(ticks(20).length);
    expect(timeScale("date", span, NOW).ticks).toBeNull();
});

test("the span of no events is the moment of the request", () => {
    expect(spanOf(new Float64Array(), NOW)).toEqual({ from: NOW, to: NOW });
    const empty = timeScale("age", spanOf(new Float64Array(), NOW), NOW);
    expect(empty.to).toBeGreaterThan(empty.from);
    const dated = timeScale("date", spanOf(new Float64Array(), NOW), NOW);
    expect(dated.to).toBeGreaterThan(dated.from);
});

test.each(NAMES)("by %s, windows stay on the axis and everything is no window", (name) => {
    const scale = timeScale(name, span, NOW);
    const all = windowOf(null, scale);
    expect(viewOf(all, scale)).toBeNull();
    const closer = zoomed(all, 0.5, scale);
    expect(closer.to - closer.from).toBeCloseTo((all.to - all.from) / 2, 6);
    expect(viewOf(zoomed(zoomed(all, 1e-12, scale), 1e12, scale), scale)).toBeNull();
    const far = panned(closer, 50, scale);
    expect(far.to).toBeCloseTo(scale.to, 6);
    expect(far.to - far.from).toBeCloseTo(closer.to - closer.from, 6);
    expect(viewOf(within({ from: -1e15, to: 1e15 }, scale), scale)).toBeNull();
});

test("a view outlives a change of axis", () => {
    const [date, age] = [timeScale("date", span, NOW), timeScale("age", span, NOW)];
    const view = { from: NOW - LENGTH.YEAR, to: NOW - LENGTH.MONTH };
    const back = viewOf(windowOf(view, age), age)!;
    expect(Math.abs(back.from - view.from)).toBeLessThan(LENGTH.MINUTE);
    expect(windowOf(back, date).to).toBeCloseTo(view.to, -5);
});

test("a place out of sight is brought to the middle, one in sight moves nothing", () => {
    const scale = timeScale("date", span, NOW);
    const window = { from: NOW - 2 * LENGTH.YEAR, to: NOW - LENGTH.YEAR };
    expect(around(window, NOW - 1.5 * LENGTH.YEAR, scale)).toBe(window);
    const moved = around(window, NOW - 5 * LENGTH.YEAR, scale);
    expect((moved.from + moved.to) / 2).toBeCloseTo(NOW - 5 * LENGTH.YEAR, -3);
});
