/** The picture of one person's history: what search picked, recent events and skips above lanes of all events. */

import { ACTIONS, type Attended, type Head, type History, type Range } from "./contract";
import { columns, type EChartsOption, type Mark } from "./echarts";
import { binned, nearest, SHADES, shaded, type Lane } from "./lanes";
import { baseline, drawStems, heightOf, stemAt, stems, type Strip } from "./lollipops";
import { faint, type Palette } from "./palette";
import { circle, line, pixelOf, rect, scene, text, valueAt, type Box } from "./scene";
import { timeChart } from "./time-axes";
import type { TimeScale } from "./time-scale";
import type { Window } from "./view";
import { LISTS, niceCeiling, weighed, type List, type Weighed, headOf } from "./weights";
import { tickPercent } from "./words";

/** Attention to one list, with the strip that shows it. */
export interface Band extends Strip {
    list: List;
    label: string;
    events: readonly Weighed[];
    /** The weight at the top of the strip. */
    top: number;
}

export interface Row extends Strip {
    lane: Lane;
}

export interface Layout {
    /** Left of the plot, for labels. */
    gutter: number;
    right: number;
    overview: { top: number; height: number };
    main: { top: number; height: number };
    bands: readonly Band[];
    rows: readonly Row[];
    /** Of the whole picture. */
    height: number;
}

export interface Scene {
    history: History;
    action: Uint8Array;
    scale: TimeScale;
    selected: number | null;
    brushed: Range | null;
    edited: ReadonlySet<number>;
    layout: Layout;
    /** What is shown, in the axis's measure. */
    view: Window;
    /** Whether fingers point. */
    touch: boolean;
}

const AXIS = 28;

export function layoutOf(attended: Attended, head: Head, lanes: readonly Lane[], narrow: boolean): Layout {
    const overview = { top: 2, height: 36 };
    const bands: Band[] = [];
    let y = 6;
    for (const { list, label } of LISTS) {
        const shown = headOf(attended[list], head);
        const events = weighed(attended[list], shown);
        if (events.length === 0) continue;
        const height = list === "long" ? (narrow ? 110 : 150) : 58;
        bands.push({ list, label, y, height, events, top: niceCeiling(events[0]!.weight) });
        y += height + 14;
    }
    const rows: Row[] = [];
    for (const [i, lane] of lanes.entries()) {
        if (i > 0 && lane.skipped && !lanes[i - 1]!.skipped) y += 10;
        rows.push({ lane, y, height: 15 });
        y += 19;
    }
    // Without any event there is a line that says so.
    const main = { top: overview.top + overview.height + 14, height: Math.max(y, 40) };
    return { gutter: narrow ? 74 : 86, right: narrow ? 8 : 14, overview, main, bands, rows, height: main.top + main.height + AXIS };
}

export function timelineOption(scene_: Scene, palette: Palette, onbox: (box: Box) => void): EChartsOption {
    const { layout, scale, view } = scene_;
    return {
        ...timeChart(scale, view, palette, { ...layout, strip: layout.overview }, scene_.touch),
        brush: {
            xAxisIndex: 0,
            brushType: "lineX",
            brushMode: "single",
            transformable: true,
            removeOnClick: true,
            throttleType: "debounce",
            throttleDelay: 60,
            outOfBrush: {},
            brushStyle: { color: faint(palette.accent, 0.12), borderColor: palette.accent, borderWidth: 1 },
            toolbox: [],
        },
        toolbox: { show: false },
        series: [
            scene(0, scale, false, (box) => drawLabels(scene_, palette, box)),
            scene(0, scale, true, (box) => {
                onbox(box);
                return drawEvents(scene_, palette, box);
            }),
            scene(1, scale, true, (box) => drawOverview(scene_, palette, box)),
        ],
    };
}

/** Width of one mark among all events, in pixels. */
const COLUMN = 2;

function drawEvents(scene_: Scene, palette: Palette, box: Box): Mark[] {
    const { layout, scale, history, action } = scene_;
    const marks: Mark[] = [];
    const at = (event: number) => scale.at(history.time[event]!);
    const picked = layout.bands.find((band) => band.list === "long")?.events.map(({ event }) => event) ?? [];
    const bins = Math.max(Math.floor(box.width / COLUMN), 1);
    const counts = layout.rows.map((row) => binned(row.lane.at, box.from, box.to, bins));
    const most = counts.reduce((largest, of) => of.reduce((a, b) => Math.max(a, b), largest), 1);
    for (const [i, row] of layout.rows.entries()) {
        const colour = palette.actions[ACTIONS.indexOf(row.lane.action)]!;
        for (const [shade, held] of shaded(counts[i]!, most).entries()) {
            if (held.length === 0) continue;
            const left = held.map((bin) => box.x + bin * COLUMN);
            marks.push(columns({ left, y: box.y + row.y, width: COLUMN, height: row.height }, faint(colour, SHADES[shade]!)));
        }
        const left = picked.filter((event) => ACTIONS[action[event]!] === row.lane.action).map((event) => pixelOf(box, at(event)) - 1.5);
        marks.push(columns({ left: left.map((x) => x - 1), y: box.y + row.y - 3, width: 5, height: row.height + 6 }, palette.surface));
        marks.push(columns({ left, y: box.y + row.y - 3, width: 3, height: row.height + 6 }, colour));
    }
    for (const band of layout.bands) {
        const found = stems(box, band, band.events, at, band.top, "linear");
        marks.push(...drawStems(box, band, found, (event) => palette.actions[action[event]!]!, palette.surface));
    }
    for (const event of scene_.edited) {
        const row = rowOf(layout, action, event);
        if (!row) continue;
        const x = pixelOf(box, at(event));
        marks.push(frame(x - 4, box.y + row.y - 2, 8, row.height + 4, palette.text, 1.5, [3, 2]));
    }
    if (scene_.selected !== null) marks.push(...drawSelected(scene_, palette, box, scene_.selected, at(scene_.selected)));
    return marks;
}

function drawSelected(scene_: Scene, palette: Palette, box: Box, event: number, at: number): Mark[] {
    const { layout, action } = scene_;
    const x = pixelOf(box, at);
    const marks = [line(x, box.y, x, box.y + box.height, palette.text2, 1, [4, 3])];
    for (const band of layout.bands) {
        for (const stem of stems(box, band, band.events.filter((one) => one.event === event), () => at, band.top, "linear")) {
            marks.push(circle(stem.x, stem.y, stem.radius + 3, "transparent", palette.text, 2));
        }
    }
    const row = rowOf(layout, action, event);
    if (row) marks.push(frame(x - 3, box.y + row.y - 2, 6, row.height + 4, palette.text, 2));
    return marks;
}

function frame(x: number, y: number, width: number, height: number, stroke: string, lineWidth: number, lineDash?: number[]): Mark {
    const style = { fill: "transparent", stroke, lineWidth, ...(lineDash ? { lineDash } : {}) };
    return { type: "rect", silent: true, shape: { x, y, width, height }, style };
}

function rowOf(layout: Layout, action: Uint8Array, event: number): Row | undefined {
    return layout.rows.find((row) => row.lane.action === ACTIONS[action[event]!]);
}

function drawLabels({ layout }: Scene, palette: Palette, box: Box): Mark[] {
    const marks: Mark[] = [];
    if (layout.rows.length === 0) {
        const words = "There are no events to show.";
        return [text(box.x + box.width / 2, box.y + box.height / 2, words, palette.text2, palette, { align: "center" })];
    }
    const end = box.x - 8;
    for (const band of layout.bands) {
        const base = baseline(box, band);
        for (const weight of band.list === "long" ? [band.top / 2, band.top] : [band.top]) {
            const y = heightOf(box, band, weight, band.top, "linear");
            marks.push(line(box.x, y, box.x + box.width, y, palette.line));
            marks.push(text(end, y, tickPercent(weight), palette.text2, palette, { size: 11, align: "right" }));
        }
        marks.push(line(box.x, base, box.x + box.width, base, palette.lineStrong));
        marks.push(text(4, base - 7, band.label, palette.text, palette, { weight: "bold", width: end - 4 }));
    }
    for (const row of layout.rows) {
        const colour = palette.actions[ACTIONS.indexOf(row.lane.action)]!;
        const y = box.y + row.y;
        marks.push(rect(box.x, y, box.width, row.height, faint(palette.lineStrong, 0.1)));
        marks.push(rect(4, y + 3, 9, 9, colour));
        marks.push(text(18, y + row.height / 2, row.lane.action, palette.text, palette, { width: end - 18 }));
    }
    return marks;
}

function drawOverview(scene_: Scene, palette: Palette, box: Box): Mark[] {
    const { layout, scale, history } = scene_;
    const bins = Math.max(Math.floor(box.width / COLUMN), 1);
    const all = new Uint32Array(bins);
    for (const { lane } of layout.rows) binned(lane.at, box.from, box.to, bins).forEach((count, bin) => (all[bin]! += count));
    const most = Math.max(...all, 1);
    const marks: Mark[] = [];
    all.forEach((count, bin) => {
        if (count === 0) return;
        // The square root, so that one event beside a burst of hundreds is still seen.
        const height = Math.max(Math.sqrt(count / most) * (box.height - 8), 1);
        marks.push(rect(box.x + bin * COLUMN, box.y + box.height - 6 - height, COLUMN, height, faint(palette.lineStrong, 0.75)));
    });
    const picked = layout.bands.find((band) => band.list === "long")?.events ?? [];
    const left = picked.map(({ event }) => pixelOf(box, scale.at(history.time[event]!)) - 1);
    marks.push(columns({ left, y: box.y + box.height - 5, width: 2, height: 5 }, palette.accent));
    return marks;
}

/** What the pointer means. */
export interface Hit {
    event: number;
    x: number;
    y: number;
    /** Events of the lane that share its place in the picture, this one included. */
    near: number;
}

/** Where an event is shown: at the head of its first stem, or else in its lane. */
export function placeOf(scene_: Scene, box: Box, event: number): Hit | null {
    const { layout, scale, history, action } = scene_;
    const at = () => scale.at(history.time[event]!);
    const x = pixelOf(box, at());
    for (const band of layout.bands) {
        const [stem] = stems(box, band, band.events.filter((one) => one.event === event), at, band.top, "linear");
        if (stem) return { event, x, y: stem.y, near: 1 };
    }
    const row = rowOf(layout, action, event);
    return row ? { event, x, y: box.y + row.y + row.height / 2, near: 1 } : null;
}

export function hitAt(scene_: Scene, box: Box, x: number, y: number, reach: number): Hit | null {
    if (x < box.x - reach || x > box.x + box.width + reach) return null;
    const at = (event: number) => scene_.scale.at(scene_.history.time[event]!);
    const inside = (strip: Strip, above: number, below: number) =>
        y >= box.y + strip.y - above && y <= box.y + strip.y + strip.height + below;
    for (const band of scene_.layout.bands) {
        if (!inside(band, 6, 7)) continue;
        const stem = stemAt(stems(box, band, band.events, at, band.top, "linear"), x, y, reach);
        return stem && { event: stem.event, x: stem.x, y: stem.y, near: 1 };
    }
    for (const row of scene_.layout.rows) {
        if (!inside(row, 2, 2)) continue;
        const perPixel = (box.to - box.from) / box.width;
        const found = nearest(row.lane, valueAt(box, x), reach * perPixel, COLUMN * perPixel);
        return found && { event: found.event, x: pixelOf(box, at(found.event)), y: box.y + row.y + row.height / 2, near: found.near };
    }
    return null;
}
