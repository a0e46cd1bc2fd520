import { expect, test } from "vitest";
import { headName, niceCeiling, weighed, weightOf } from "./weights";

const attention = { event: 3, heads: [0.2, 0.6] };

test("one head or the mean of all", () => {
    expect(weightOf(attention, 1)).toBe(0.6);
    expect(weightOf(attention, "mean")).toBeCloseTo(0.4, 12);
    expect(() => weightOf(attention, 2)).toThrow("no head 2: attention has 2");
});

test("most weight comes first under the head that is shown", () => {
    const other = { event: 9, heads: [0.8, 0.4] };
    expect(weighed([attention, other], 0).map(({ event }) => event)).toEqual([9, 3]);
    expect(weighed([attention, other], 1).map(({ event }) => event)).toEqual([3, 9]);
});

test("heads are counted from one", () => {
    expect(headName(0)).toBe("head 1");
    expect(headName("mean")).toBe("mean of all heads");
});

test("axes end at round numbers, not below the largest weight", () => {
    expect([0.031, 0.05, 0.2, 0.21, 0.9, 3, 0.138].map(niceCeiling).map((value) => Number(value.toPrecision(6)))).toEqual([0.04, 0.05, 0.2, 0.25, 1, 3, 0.16]);
    expect(niceCeiling(0)).toBe(1);
    for (let value = 1e-6; value < 10; value *= 1.07) expect(niceCeiling(value)).toBeGreaterThanOrEqual(value * (1 - 1e-9));
});
