import { expect, test } from "vitest";
import { contributionsHeight, contributionsOption, contributionsSummary, contributionsTable } from "./contributions";
import type { Contribution } from "./contract";
import { asSVG } from "./echarts";
import { paletteOf } from "./samples";

const contributions: Contribution[] = [
    { part: "long", logit: 0.84, probability: 0.121 },
    { part: "skips", logit: -1.2, probability: -0.2 },
    { part: "user", logit: 0, probability: 0 },
];

test("the summary begins with the largest, whatever its sign", () => {
    expect(contributionsSummary(contributions, "click")).toBe(
        "In logits of click, what is lost without each part: most with skips −1.20; then long history +0.84 and person 0.00.",
    );
    expect(contributionsSummary([], "click")).toBe("No part was taken away, so none is measured.");
});

test("the table keeps the order of the parts", () => {
    expect(contributionsTable(contributions, "save").rows[1]).toEqual(["skips", -1.2, -0.2]);
});

test("bars go from zero to their own side, as long as their logits", () => {
    const height = contributionsHeight(contributions);
    const palette = paletteOf("light");
    const svg = asSVG(contributionsOption(contributions, palette, height), { width: 516, height }, "a", "b");
    // 500 pixels for −1.2 to 1.2 logits, from 8: zero lies at 258.
    expect(svg).toContain("+0.84  (+12.1 points)");
    const bars = (colour: string) => [...svg.matchAll(new RegExp(`<path d="M([\\d.]+) [\\d.]+l([\\d.]+) 0[^"]*"[^>]*fill="${colour}"`, "g"))].map((found) => [Number(found[1]), Number(found[2])]);
    expect(bars(palette.plus)[0]).toEqual([258, 175]);
    expect(bars(palette.minus)).toEqual([[8, 250]]);
});
