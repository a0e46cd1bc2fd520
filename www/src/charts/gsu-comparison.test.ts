import { expect, test } from "vitest";
import { asSVG } from "./echarts";
import { compare, comparisonLayout, comparisonOption, comparisonSummary, comparisonTable, overlapName, pickAt, placeOfPick, type ComparisonScene } from "./gsu-comparison";
import { historyOf, NOW, paletteOf } from "./samples";
import type { Box } from "./scene";
import { spanOf, timeScale } from "./time-scale";
import { LENGTH } from "./words";

const history = historyOf(Array.from({ length: 6 }, (_, i) => ["click", (10 - i) * LENGTH.DAY] as const));
const of = (...events: number[]) => events.map((event) => ({ event, heads: [1 / events.length] }));
const picked = { hard: of(5, 0, 1), soft: of(0, 1, 2), consistent: of(0, 2, 3) };

test("each event belongs to the searches that picked it", () => {
    const { by, overlaps, events } = compare(history, picked);
    expect(events).toEqual([0, 1, 2, 3, 5]);
    expect(by.get(0)).toEqual(["hard", "soft", "consistent"]);
    expect(overlaps).toEqual([
        { gsus: ["hard", "soft", "consistent"], count: 1 },
        { gsus: ["hard", "soft"], count: 1 },
        { gsus: ["soft", "consistent"], count: 1 },
        { gsus: ["hard"], count: 1 },
        { gsus: ["consistent"], count: 1 },
    ]);
    expect(overlaps.reduce((sum, { count }) => sum + count, 0)).toBe(events.length);
});

test("overlaps have names", () => {
    expect([["hard"], ["hard", "consistent"], ["hard", "soft", "consistent"]].map((gsus) => overlapName(gsus as never))).toEqual(["only hard", "hard and consistent", "all three"]);
});

test("the summary counts what is shared and what is not", () => {
    expect(comparisonSummary(compare(history, picked), picked)).toBe(
        "Hard search picked 3 events, soft search picked 3 events and consistent search picked 3 events: " +
            "1 by all three, 1 by hard and soft, 1 by soft and consistent, 1 by only hard and 1 by only consistent.",
    );
    const none = { hard: [], soft: [], consistent: [] };
    expect(comparisonSummary(compare(history, none), none)).toBe("No search picked an event for this candidate.");
});

test("the table has a weight where a search picked an event and nothing where it did not", () => {
    const { columns, rows } = comparisonTable(history, picked, compare(history, picked), 0);
    expect(columns.slice(-3)).toEqual(["weight, hard", "weight, soft", "weight, consistent"]);
    expect(rows[4]!.slice(4)).toEqual(["only hard", 1 / 3, "", ""]);
});

test("it draws, and the pointer finds a pick in its own track", () => {
    const comparison = compare(history, picked);
    const scale = timeScale("date", spanOf(history.time, NOW), NOW);
    const layout = comparisonLayout(picked, "mean", comparison.overlaps.length, false);
    const scene: ComparisonScene = { history, comparison, scale, selected: 5, layout, view: { from: scale.from, to: scale.to }, touch: false };
    let box: Box | null = null;
    const svg = asSVG(comparisonOption(scene, paletteOf("light"), (seen) => (box = seen)), { width: 800, height: layout.height }, "a", "b");
    for (const words of ["picked by all three: 1", "by two: 2", "by one only: 2", "3 events, 1 of them only here", "only consistent"]) expect(svg).toContain(words);
    const place = placeOfPick(scene, box!, 5)!;
    expect(pickAt(scene, box!, place.x - 2, place.y + 5, 8)).toEqual(place);
    const soft = layout.tracks[1]!;
    expect(pickAt(scene, box!, place.x, box!.y + soft.y + 10, 8)).toBeNull();
});
