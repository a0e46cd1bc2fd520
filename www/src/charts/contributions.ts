/** What each part of the model contributed to one candidate: bars around zero. */

import type { Contribution, Part, Table } from "./contract";
import type { EChartsOption, Mark } from "./echarts";
import type { Palette } from "./palette";
import { line, pixelOf, rect, scene, text, type Box } from "./scene";
import { niceCeiling } from "./weights";
import { listed, signed } from "./words";

export const PART_LABELS: Readonly<Record<Part, string>> = {
    long: "long history",
    recent: "recent events",
    skips: "skips",
    item: "item features",
    user: "person",
};

export function contributionsSummary(contributions: readonly Contribution[], task: string): string {
    if (contributions.length === 0) return "No part was taken away, so none is measured.";
    const sorted = [...contributions].sort((a, b) => Math.abs(b.logit) - Math.abs(a.logit));
    const words = ({ part, logit }: Contribution) => `${PART_LABELS[part]} ${signed(logit)}`;
    const [first, ...rest] = sorted;
    const others = rest.length > 0 ? `; then ${listed(rest.map(words))}` : "";
    return `In logits of ${task}, what is lost without each part: most with ${words(first!)}${others}.`;
}

export function contributionsTable(contributions: readonly Contribution[], task: string): Table {
    return {
        columns: ["part", `logits of ${task}`, `probability of ${task}`],
        rows: contributions.map(({ part, logit, probability }) => [PART_LABELS[part], logit, probability]),
    };
}

const ROW = 40;
const HEAD = 22;

export function contributionsHeight(contributions: readonly Contribution[]): number {
    return HEAD + Math.max(contributions.length, 1) * ROW + 4;
}

export function contributionsOption(contributions: readonly Contribution[], palette: Palette, height: number): EChartsOption {
    const end = niceCeiling(Math.max(0, ...contributions.map(({ logit }) => Math.abs(logit))));
    const ends = { from: -end, to: end };
    return {
        animation: false,
        textStyle: { fontFamily: palette.font },
        grid: { left: 8, right: 8, top: HEAD, height: height - HEAD - 4 },
        xAxis: { type: "value", min: ends.from, max: ends.to, show: false },
        yAxis: { type: "value", min: 0, max: 1, show: false },
        series: [scene(0, ends, false, (box) => draw(box, contributions, end, palette))],
    };
}

function draw(box: Box, contributions: readonly Contribution[], end: number, palette: Palette): Mark[] {
    const zero = pixelOf(box, 0);
    const marks: Mark[] = [];
    for (const value of [-end, -end / 2, 0, end / 2, end]) {
        const x = pixelOf(box, value);
        const align = value === -end ? "left" : value === end ? "right" : "center";
        // Beside the bars only: numbers stand between them.
        contributions.forEach((_, i) => marks.push(line(x, box.y + i * ROW + 19, x, box.y + i * ROW + 37, palette.line)));
        marks.push(text(x, box.y - 10, value === 0 ? "0" : signed(value, decimals(end / 2)), palette.text2, palette, { size: 11, align }));
    }
    contributions.forEach(({ part, logit, probability }, i) => {
        const top = box.y + i * ROW;
        const x = pixelOf(box, logit);
        const up = logit >= 0;
        const bar = { y: top + 22, height: 12 };
        const numbers = `${signed(logit)}  (${signed(probability * 100, 1)} points)`;
        marks.push(text(box.x, top + 11, PART_LABELS[part], palette.text, palette, { width: box.width / 2 - 8 }));
        marks.push(text(box.x + box.width, top + 11, numbers, palette.text2, palette, { align: "right" }));
        const colour = up ? palette.plus : palette.minus;
        marks.push(rect(Math.min(x, zero), bar.y, Math.max(Math.abs(x - zero), 1), bar.height, colour));
        marks.push(line(zero, bar.y - 3, zero, bar.y + bar.height + 3, palette.text, 1.5));
    });
    return marks;
}

/** Digits after the point that tell a step apart. */
function decimals(step: number): number {
    return Math.max(0, Math.ceil(-Math.log10(step) + 1e-9) + (String(step).replace(/^0?\.0*/, "").length > 1 ? 1 : 0));
}
