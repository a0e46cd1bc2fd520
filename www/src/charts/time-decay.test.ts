import { expect, test } from "vitest";
import { asSVG } from "./echarts";
import { historyOf, paletteOf } from "./samples";
import { biasUnder, bucketInWords, decayOf, decayOption, decaySummary, decayTable, spread } from "./time-decay";
import { LENGTH } from "./words";

const history = historyOf([["click", 300 * LENGTH.DAY], ["click", 90 * LENGTH.MINUTE], ["save", 70 * LENGTH.MINUTE], ["click", 3 * LENGTH.MINUTE]]);
const attended = {
    long: [
        { event: 1, heads: [0.5, 0.1] },
        { event: 2, heads: [0.3, 0.1] },
        { event: 0, heads: [0.2, 0.8] },
    ],
    recent: [{ event: 3, heads: [1, 1] }],
    skips: [],
};
const bias = Array.from({ length: 26 }, (_, bucket) => [-bucket / 10, bucket / 100]);

test("weights are averaged over the events of one age", () => {
    const { observed } = decayOf(history, attended, 0, bias);
    expect(observed.map(({ bucket, events }) => [bucket, events])).toEqual([[7, 2], [19, 1]]);
    expect(observed[0]!.mean).toBeCloseTo(0.4, 12);
    expect(observed[0]!.sum).toBeCloseTo(0.8, 12);
});

test("only ages that the history has are shown, and never fewer than seven buckets", () => {
    expect(decayOf(history, attended, 0, bias)).toMatchObject({ from: 2, to: 19 });
    const one = historyOf([["click", 3 * LENGTH.MINUTE]]);
    expect(decayOf(one, { long: [], recent: [], skips: [] }, 0, bias)).toMatchObject({ from: 2, to: 8 });
    expect(decayOf(historyOf([]), { long: [], recent: [], skips: [] }, 0, bias)).toMatchObject({ from: 0, to: 25, observed: [] });
});

test("an event after the request has the youngest age", () => {
    const ahead = historyOf([["click", -LENGTH.DAY], ["click", LENGTH.DAY]]);
    const { observed } = decayOf(ahead, { long: [{ event: 0, heads: [1] }], recent: [], skips: [] }, 0, bias);
    expect(observed).toEqual([{ bucket: 0, events: 1, mean: 1, sum: 1 }]);
});

test("a bias is that of one head or the mean", () => {
    expect(biasUnder([[1, 3]], 1)).toEqual([3]);
    expect(biasUnder([[1, 3]], "mean")).toEqual([2]);
});

test("buckets have names", () => {
    expect([0, 1, 7, 20].map(bucketInWords)).toEqual(["under a minute", "1 to 2 minutes", "1.1 to 2 hours", "1 to 2 years"]);
});

test("the summary tells the bias under the head and where attention is", () => {
    const said = decaySummary(decayOf(history, attended, 0, bias));
    expect(said).toContain("Learned bias (head 1) is largest for ages of 2 to 4 minutes (−0.20 logits)");
    expect(said).toContain("changes by −1.70");
    expect(said).toContain("80.0% of attention is on 2 events aged 1.1 to 2 hours");
    expect(decaySummary(decayOf(history, attended, 0, null))).toMatch(/^This model has no bias for age\./);
});

test("the table has a row for every bucket shown and a column for every head", () => {
    const { columns, rows } = decayTable(decayOf(history, attended, 0, bias));
    expect(columns.slice(4)).toEqual(["bias, head 1", "bias, head 2"]);
    expect(rows).toHaveLength(18);
    expect(rows[5]).toEqual([bucketInWords(7), 2, expect.closeTo(0.4, 12), expect.closeTo(0.8, 12), -0.7, 0.07]);
});

test("labels are pushed apart by no more than they need", () => {
    expect(spread([0, 100], 10)).toEqual([0, 100]);
    expect(spread([50, 52], 10)).toEqual([46, 56]);
    const places = [30, 31, 29, 80, 78];
    const apart = spread(places, 12);
    const sorted = [...apart].sort((a, b) => a - b);
    for (let i = 1; i < sorted.length; i += 1) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(12 - 1e-9);
    const order = (of: readonly number[]) => of.map((_, i) => i).sort((a, b) => of[a]! - of[b]!);
    expect(order(apart)).toEqual(order(places));
});

test("it draws with and without a bias, and a line is named for every head", () => {
    const size = { width: 700, height: 380 };
    const svg = asSVG(decayOption(decayOf(history, attended, "mean", bias), paletteOf("light"), 700, 380), size, "a", "b");
    for (const label of ["head 1", "head 2", "mean"]) expect(svg).toContain(`>${label}</text>`);
    expect(asSVG(decayOption(decayOf(history, attended, "mean", null), paletteOf("light"), 700, 240), size, "a", "b")).not.toContain("head 1");
});
