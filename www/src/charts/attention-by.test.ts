import { expect, test } from "vitest";
import { groupsHeight, groupsOf, groupsOption, groupsSummary, groupsTable } from "./attention-by";
import { asSVG } from "./echarts";
import { historyOf, paletteOf } from "./samples";
import { LENGTH } from "./words";

// Categories go unknown, drama, comedy, and again.
const history = historyOf([
    ["click", 400 * LENGTH.DAY],
    ["save", 3 * LENGTH.HOUR],
    ["click", 2 * LENGTH.HOUR],
    ["skip", LENGTH.HOUR],
    ["click", LENGTH.MINUTE],
    ["click", 5000],
]);
const attended = {
    long: [
        { event: 0, heads: [0.1] },
        { event: 1, heads: [0.6] },
        { event: 4, heads: [0.3] },
    ],
    recent: [],
    skips: [],
};
const shown = (by: "category" | "action" | "age") => groupsOf(history, attended, "mean", by).map(({ label, picked, all }) => [label, picked, all]);

test("by category and action the most attention comes first, with picked events beside all", () => {
    expect(shown("category")).toEqual([["drama", 2, 2], ["unknown", 1, 2]]);
    expect(shown("action")).toEqual([["save", 1, 1], ["click", 2, 4]]);
    expect(groupsOf(history, attended, "mean", "category")[0]!.attention).toBeCloseTo(0.9, 12);
});

test("by age the youngest comes first", () => {
    expect(shown("age")).toEqual([["under an hour", 1, 2], ["1 to 24 hours", 1, 3], ["1 to 2 years", 1, 1]]);
});

test("all attention is in some group, however many there are", () => {
    const many = { ...historyOf(Array.from({ length: 40 }, () => ["click", 1000] as const)), category: Uint32Array.from({ length: 40 }, (_, i) => i) };
    const all = { long: Array.from({ length: 40 }, (_, event) => ({ event, heads: [(event + 1) / 820] })), recent: [], skips: [] };
    const groups = groupsOf(many, all, 0, "category");
    expect(groups).toHaveLength(12);
    expect(groups[11]).toMatchObject({ label: "29 others", picked: 29, all: 29 });
    expect(groups.reduce((sum, { attention }) => sum + attention, 0)).toBeCloseTo(1, 12);
    expect(groups.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 12);
});

test("the summary names the first of all", () => {
    expect(groupsSummary(groupsOf(history, attended, "mean", "action"), "action")).toBe(
        "Most attention by action: save with 60.0% on 1 event; 16.7% of the whole history is of it.",
    );
    expect(groupsSummary([], "age")).toBe("Search picked no event for this candidate.");
});

test("the table has unrounded sums", () => {
    const { columns, rows } = groupsTable(groupsOf(history, attended, "mean", "action"), "action");
    expect(columns[0]).toBe("action");
    expect(rows[0]).toEqual(["save", 0.6, 1, 1, 1 / 6]);
});

test("it draws groups, and says when there are none", () => {
    const draw = (groups: ReturnType<typeof groupsOf>) =>
        asSVG(groupsOption(groups, paletteOf("dark"), groupsHeight(groups)), { width: 400, height: groupsHeight(groups) }, "a", "b");
    expect(draw(groupsOf(history, attended, "mean", "action"))).toContain("60.0% · 1 of 1 event");
    expect(draw([])).toContain("Search picked no event");
});
