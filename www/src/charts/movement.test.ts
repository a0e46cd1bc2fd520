import { expect, test } from "vitest";
import type { Ordering } from "./contract";
import { asSVG } from "./echarts";
import { gained, movementHeight, movementOption, movementSummary, movementTable, movementWord, moverAt, moversOf } from "./movement";
import { paletteOf } from "./samples";
import type { Box } from "./scene";

const ordering = (label: string, keys: string): Ordering => ({
    label,
    ranked: [...keys].map((key, i) => ({ key, title: `title ${key}`, score: 1 - i / 10 })),
});
const before = ordering("soft", "abcdef");
const after = ordering("hard", "bfacgd");

test("the best of either side are shown once, in the order after, with their ranks on both", () => {
    const { movers, bestBefore, bestAfter } = moversOf(before, after, 3);
    expect([bestBefore, bestAfter]).toEqual([3, 3]);
    expect(movers.map(({ key, before, after, rowBefore, rowAfter }) => [key, before, after, rowBefore, rowAfter])).toEqual([
        ["b", 2, 1, 1, 0],
        ["f", 6, 2, 3, 1],
        ["a", 1, 3, 0, 2],
        ["c", 3, 4, 2, 3],
    ]);
});

test("what one side lacks is new or gone", () => {
    const { movers } = moversOf(before, after, 6);
    const words = Object.fromEntries(movers.map((mover) => [mover.key, movementWord(mover)]));
    expect(words).toEqual({ a: "▼ 2", b: "▲ 1", c: "▼ 1", d: "▼ 2", e: "gone", f: "▲ 4", g: "new" });
    expect(gained(movers.find(({ key }) => key === "g")!)).toBeNull();
});

test("equal orderings move nothing", () => {
    const movers = moversOf(before, before, 3);
    expect(movers.movers.map(movementWord)).toEqual(["=", "=", "="]);
    expect(movementSummary(movers, before, before)).toBe(
        "From soft to soft, of 3 candidates 0 stand higher, 0 lower and 3 where they were; 0 of the best 3 were not among the best before.",
    );
});

test("the summary tells who came in and who moved farthest", () => {
    expect(movementSummary(moversOf(before, after, 3), before, after)).toBe(
        "From soft to hard, of 4 candidates 2 stand higher, 2 lower and 0 where they were; " +
            "1 of the best 3 were not among the best before. Farthest: title f, from 6 to 2.",
    );
    const none = ordering("x", "");
    expect(movementSummary(moversOf(none, none, 3), none, none)).toBe("There are no candidates to compare.");
});

test("the table has both ranks and scores", () => {
    expect(movementTable(moversOf(before, after, 3), before, after).rows[1]).toEqual(["title f", 6, 2, 4, 0.5, 0.9]);
    expect(movementTable(moversOf(before, after, 6), before, after).rows.find((row) => row[0] === "title e")).toEqual(["title e", 5, "", "", 0.6, ""]);
});

test.each([340, 900])("at %d pixels every title is drawn and found under the pointer", (width) => {
    const movers = moversOf(before, after, 3);
    const height = movementHeight(movers);
    const scene = { movers, before, after, selected: "f" };
    let box: Box | null = null;
    const svg = asSVG(movementOption(scene, paletteOf("light"), height, (seen) => (box = seen)), { width, height }, "a", "b");
    for (const key of "abcf") expect(svg).toContain(`title ${key}`);
    expect(moverAt(scene, box!, width - 10, box!.y + 13)!.mover.key).toBe("b");
    expect(moverAt(scene, box!, 10, box!.y + 13)!.mover.key).toBe("a");
    expect(moverAt(scene, box!, 10, height + 100)).toBeNull();
});
