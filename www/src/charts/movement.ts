/** Where the best candidates of one ordering stand in another: a line for each, from its rank to its rank. */

import type { Ordering, Table } from "./contract";
import type { EChartsOption, Mark } from "./echarts";
import { faint, type Palette } from "./palette";
import { line, rect, scene, text, type Box } from "./scene";
import { counted, listed } from "./words";

/** A candidate in both orderings; ranks from 1, null where an ordering lacks it. */
export interface Mover {
    key: string;
    title: string;
    before: number | null;
    after: number | null;
    /** Row on each side, from 0: the best in order, then those that are best on the other side only. */
    rowBefore: number;
    rowAfter: number;
}

export interface Movers {
    movers: readonly Mover[];
    /** Rows of the best on each side; further rows stand for any rank below. */
    bestBefore: number;
    bestAfter: number;
}

/** The best `top` of either side, in the order after. */
export function moversOf(before: Ordering, after: Ordering, top: number): Movers {
    const [rankBefore, rankAfter] = [ranks(before), ranks(after)];
    const shown = new Map<string, string>();
    for (const { key, title } of [...after.ranked.slice(0, top), ...before.ranked.slice(0, top)]) {
        if (!shown.has(key)) shown.set(key, title);
    }
    const rowsBefore = rows([...shown.keys()], rankBefore);
    const rowsAfter = rows([...shown.keys()], rankAfter);
    const movers = [...shown].map(([key, title]) => ({
        key,
        title,
        before: rankBefore.get(key) ?? null,
        after: rankAfter.get(key) ?? null,
        rowBefore: rowsBefore.get(key)!,
        rowAfter: rowsAfter.get(key)!,
    }));
    movers.sort((a, b) => a.rowAfter - b.rowAfter);
    return { movers, bestBefore: Math.min(top, before.ranked.length), bestAfter: Math.min(top, after.ranked.length) };
}

function ranks({ ranked }: Ordering): Map<string, number> {
    return new Map(ranked.map(({ key }, i) => [key, i + 1]));
}

function rows(keys: readonly string[], rank: ReadonlyMap<string, number>): Map<string, number> {
    const sorted = [...keys].sort((a, b) => (rank.get(a) ?? Infinity) - (rank.get(b) ?? Infinity) || 0);
    return new Map(sorted.map((key, row) => [key, row]));
}

/** Ranks gained, positive for up; null where one side lacks the candidate. */
export function gained({ before, after }: Mover): number | null {
    return before === null || after === null ? null : before - after;
}

/** `▲ 3`, `▼ 2`, `=`, `new`, `gone`. */
export function movementWord(mover: Mover): string {
    const change = gained(mover);
    if (change === null) return mover.before === null ? "new" : "gone";
    if (change === 0) return "=";
    return change > 0 ? `▲ ${change}` : `▼ ${-change}`;
}

export function movementSummary({ movers, bestAfter }: Movers, before: Ordering, after: Ordering): string {
    if (movers.length === 0) return "There are no candidates to compare.";
    const up = movers.filter((mover) => (gained(mover) ?? 0) > 0).length;
    const down = movers.filter((mover) => (gained(mover) ?? 0) < 0).length;
    const same = movers.filter((mover) => gained(mover) === 0).length;
    const added = movers.filter((mover) => mover.rowAfter < bestAfter && (mover.before === null || mover.before > bestAfter));
    const largest = movers.reduce((a, b) => (Math.abs(gained(b) ?? 0) > Math.abs(gained(a) ?? 0) ? b : a));
    const moved = listed([`${up} stand higher`, `${down} lower`, `${same} where they were`]);
    const farthest =
        (gained(largest) ?? 0) !== 0 ? ` Farthest: ${largest.title}, from ${largest.before} to ${largest.after}.` : "";
    return (
        `From ${before.label} to ${after.label}, of ${counted(movers.length, "candidate")} ${moved}; ` +
        `${added.length} of the best ${bestAfter} were not among the best before.${farthest}`
    );
}

export function movementTable({ movers }: Movers, before: Ordering, after: Ordering): Table {
    const score = (ordering: Ordering, rank: number | null) => (rank === null ? "" : ordering.ranked[rank - 1]!.score);
    return {
        columns: ["title", `rank, ${before.label}`, `rank, ${after.label}`, "ranks gained", `score, ${before.label}`, `score, ${after.label}`],
        rows: movers.map((mover) => [
            mover.title,
            mover.before ?? "",
            mover.after ?? "",
            gained(mover) ?? "",
            score(before, mover.before),
            score(after, mover.after),
        ]),
    };
}

const ROW = 26;
const HEAD = 30;
/** Between the best and those from further down. */
const BREAK = 22;

export interface MovementScene {
    movers: Movers;
    before: Ordering;
    after: Ordering;
    selected: string | null;
}

export function movementHeight({ movers, bestBefore, bestAfter }: Movers): number {
    const further = movers.length > Math.min(bestBefore, bestAfter);
    return HEAD + Math.max(movers.length, 1) * ROW + (further ? BREAK : 0) + 8;
}

/** Narrower pictures name candidates on the right alone. */
const NARROW = 520;

/** Pixels of the picture, by its width. */
interface Columns {
    /** Whether titles stand on the left too. */
    both: boolean;
    left: number;
    right: number;
    /** Width of the change at the right end. */
    change: number;
}

function columnsOf(box: Box): Columns {
    const change = 44;
    const both = box.width >= NARROW;
    const middle = Math.min(Math.max(box.width * 0.2, 64), 220);
    const left = box.x + (both ? (box.width - middle - change) / 2 : 28);
    return { both, left, right: left + middle, change };
}

function rowY(box: Box, row: number, best: number): number {
    return box.y + row * ROW + ROW / 2 + (row >= best ? BREAK : 0);
}

export function movementOption(scene_: MovementScene, palette: Palette, height: number, onbox: (box: Box) => void): EChartsOption {
    const ends = { from: 0, to: 1 };
    return {
        animation: false,
        textStyle: { fontFamily: palette.font },
        grid: { left: 4, right: 4, top: HEAD, height: height - HEAD - 8 },
        xAxis: { type: "value", min: 0, max: 1, show: false },
        yAxis: { type: "value", min: 0, max: 1, show: false },
        series: [
            scene(0, ends, false, (box) => {
                onbox(box);
                return draw(scene_, palette, box);
            }),
        ],
    };
}

function draw({ movers: { movers, bestBefore, bestAfter }, before, after, selected }: MovementScene, palette: Palette, box: Box): Mark[] {
    const at = columnsOf(box);
    const end = box.x + box.width;
    const number = 24;
    const title = { left: at.left - number - 10 - box.x, right: end - at.change - at.right - number - 10 };
    const marks: Mark[] = [
        at.both
            ? text(at.left - 4, box.y - 16, before.label, palette.text, palette, { weight: "bold", align: "right", width: at.left - box.x - 4 })
            : text(box.x, box.y - 16, before.label, palette.text, palette, { weight: "bold", width: at.right - box.x - 6 }),
        text(at.right + 4, box.y - 16, after.label, palette.text, palette, { weight: "bold", width: end - at.right - 4 }),
    ];
    const sides = [
        { from: box.x, to: at.left, best: bestBefore, align: "left" as const },
        { from: at.right, to: end, best: bestAfter, align: "right" as const },
    ];
    for (const { from, to, best, align } of sides) {
        if (movers.length <= best) continue;
        const y = box.y + best * ROW + BREAK / 2;
        const words = "further down";
        marks.push(line(from, y, to, y, palette.line, 1, [3, 3]));
        if (align === "left" && !at.both) continue;
        marks.push(rect(align === "left" ? from : to - 76, y - 7, 76, 14, palette.surface));
        marks.push(text(align === "left" ? from : to, y, words, palette.text2, palette, { size: 11, align }));
    }
    // The chosen line is drawn last, on top.
    for (const mover of [...movers].sort((a, b) => Number(a.key === selected) - Number(b.key === selected))) {
        const chosen = mover.key === selected;
        const change = gained(mover);
        const colour = change === null || change === 0 ? palette.text2 : change > 0 ? palette.plus : palette.minus;
        const [y1, y2] = [rowY(box, mover.rowBefore, bestBefore), rowY(box, mover.rowAfter, bestAfter)];
        const weight = chosen ? "bold" : "normal";
        if (chosen) {
            marks.push(rect(box.x - 2, y1 - ROW / 2 + 2, at.left - box.x, ROW - 4, faint(palette.accent, 0.16)));
            marks.push(rect(at.right + 2, y2 - ROW / 2 + 2, end - at.right, ROW - 4, faint(palette.accent, 0.16)));
        }
        const present = { before: mover.before !== null, after: mover.after !== null };
        if (present.before && present.after) {
            marks.push(line(at.left + 4, y1, at.right - 4, y2, chosen ? colour : faint(colour, change === 0 ? 0.5 : 0.8), chosen ? 3.5 : 1.8));
        }
        if (present.before) {
            if (at.both) marks.push(text(at.left - number - 6, y1, mover.title, palette.text, palette, { weight, align: "right", width: title.left }));
            marks.push(text(at.left - 4, y1, String(mover.before), palette.text2, palette, { weight, align: "right" }));
        }
        if (present.after) marks.push(text(at.right + 4, y2, String(mover.after), palette.text2, palette, { weight }));
        if (present.after || !at.both) {
            marks.push(text(at.right + number + 6, y2, mover.title, palette.text, palette, { weight, width: title.right }));
        }
        marks.push(text(end, y2, movementWord(mover), colour, palette, { weight: "bold", align: "right" }));
    }
    return marks;
}

export interface MoverHit {
    mover: Mover;
    x: number;
    y: number;
}

/** The candidate whose row or line the pointer means. */
export function moverAt({ movers: { movers, bestBefore, bestAfter } }: MovementScene, box: Box, x: number, y: number): MoverHit | null {
    const at = columnsOf(box);
    let [best, least] = [null as MoverHit | null, ROW / 2];
    for (const mover of movers) {
        const [y1, y2] = [rowY(box, mover.rowBefore, bestBefore), rowY(box, mover.rowAfter, bestAfter)];
        const between = Math.min(Math.max((x - at.left) / (at.right - at.left), 0), 1);
        const there = y1 + (y2 - y1) * between;
        const distance = Math.abs(there - y);
        if (distance < least) [best, least] = [{ mover, x, y: there }, distance];
    }
    return best;
}
