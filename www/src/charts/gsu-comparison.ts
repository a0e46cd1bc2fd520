/** What each search picked for one candidate, on one time axis: what all pick, what some miss, and how many. */

import { GSUS, type Attention, type Gsu, type Head, type History, type Table } from "./contract";
import type { EChartsOption, Mark } from "./echarts";
import { baseline, heightOf, stemAt, stems, type Stem, type Strip } from "./lollipops";
import { faint, type Palette } from "./palette";
import { circle, diamond, line, pixelOf, rect, scene, text, type Box } from "./scene";
import { timeChart } from "./time-axes";
import type { TimeScale } from "./time-scale";
import type { Window } from "./view";
import { niceCeiling, weighed, weightOf, type Weighed } from "./weights";
import { ago, counted, dateInWords, listed, tickPercent } from "./words";

export type Picked = Readonly<Record<Gsu, readonly Attention[]>>;

/** Searches that picked the same events, and how many events those are. */
export interface Overlap {
    gsus: readonly Gsu[];
    count: number;
}

export interface Comparison {
    /** Searches that picked each event. */
    by: ReadonlyMap<number, readonly Gsu[]>;
    /** Every combination that occurs, by how many searches share it, then by count. */
    overlaps: readonly Overlap[];
    /** All picked events once, oldest first. */
    events: readonly number[];
}

export function compare(history: History, picked: Picked): Comparison {
    const by = new Map<number, Gsu[]>();
    for (const gsu of GSUS) {
        for (const { event } of picked[gsu]) by.set(event, [...(by.get(event) ?? []), gsu]);
    }
    const counts = new Map<string, Overlap>();
    for (const gsus of by.values()) {
        const key = gsus.join(" ");
        counts.set(key, { gsus, count: (counts.get(key)?.count ?? 0) + 1 });
    }
    const overlaps = [...counts.values()].sort((a, b) => b.gsus.length - a.gsus.length || b.count - a.count);
    const events = [...by.keys()].sort((a, b) => history.time[a]! - history.time[b]! || a - b);
    return { by, overlaps, events };
}

/** `all three`, `hard and soft`, `only hard`. */
export function overlapName(gsus: readonly Gsu[]): string {
    if (gsus.length === GSUS.length) return "all three";
    return gsus.length === 1 ? `only ${gsus[0]}` : listed(gsus);
}

export function comparisonSummary({ by, overlaps }: Comparison, picked: Picked): string {
    if (by.size === 0) return "No search picked an event for this candidate.";
    const sizes = listed(GSUS.map((gsu) => `${gsu} search picked ${counted(picked[gsu].length, "event")}`));
    const shares = listed(overlaps.map(({ gsus, count }) => `${count} by ${overlapName(gsus)}`));
    return `${sizes[0]!.toUpperCase()}${sizes.slice(1)}: ${shares}.`;
}

export function comparisonTable(history: History, picked: Picked, { by, events }: Comparison, head: Head): Table {
    const weights = GSUS.map((gsu) => new Map(picked[gsu].map((one) => [one.event, weightOf(one, head)])));
    return {
        columns: ["event", "title", "time", "age", "picked by", ...GSUS.map((gsu) => `weight, ${gsu}`)],
        rows: events.map((event) => {
            const time = history.time[event]!;
            const shown = weights.map((of) => of.get(event) ?? "");
            return [event, history.title(event), dateInWords(time), ago(time, history.now), overlapName(by.get(event)!), ...shown];
        }),
    };
}

interface Track extends Strip {
    gsu: Gsu;
    events: readonly Weighed[];
}

export interface ComparisonLayout {
    narrow: boolean;
    gutter: number;
    right: number;
    strip: { top: number; height: number };
    main: { top: number; height: number };
    tracks: readonly Track[];
    /** The weight at the top of every track: one measure for all three. */
    top: number;
    height: number;
}

const AXIS = 30;
/** Room above each track, for its name. */
const NAME = 24;
const OVERLAP_ROW = 22;

export function comparisonLayout(picked: Picked, head: Head, overlaps: number, narrow: boolean): ComparisonLayout {
    const lists = GSUS.map((gsu) => weighed(picked[gsu], head));
    const trackHeight = narrow ? 70 : 80;
    const tracks = GSUS.map((gsu, i) => ({ gsu, events: lists[i]!, y: i * (trackHeight + NAME) + NAME, height: trackHeight }));
    const strip = { top: narrow ? 46 : 28, height: 22 };
    const main = { top: strip.top + strip.height + 10, height: GSUS.length * (trackHeight + NAME) + 4 };
    return {
        narrow,
        gutter: narrow ? 50 : 58,
        right: narrow ? 8 : 14,
        strip,
        main,
        tracks,
        top: niceCeiling(Math.max(0, ...lists.map((list) => list[0]?.weight ?? 0))),
        height: main.top + main.height + AXIS + 30 + overlaps * OVERLAP_ROW + 6,
    };
}

export interface ComparisonScene {
    history: History;
    comparison: Comparison;
    scale: TimeScale;
    selected: number | null;
    layout: ComparisonLayout;
    view: Window;
    /** Whether fingers point. */
    touch: boolean;
}

export function comparisonOption(scene_: ComparisonScene, palette: Palette, onbox: (box: Box) => void): EChartsOption {
    const { layout, scale, view } = scene_;
    return {
        ...timeChart(scale, view, palette, layout, scene_.touch),
        series: [
            scene(0, scale, false, (box) => [...legend(scene_, palette), ...labels(scene_, palette, box), ...overlapBars(scene_, palette, box)]),
            scene(0, scale, true, (box) => {
                onbox(box);
                return drawPicks(scene_, palette, box);
            }),
            scene(1, scale, true, (box) => drawStrip(scene_, palette, box)),
        ],
    };
}

/** The shape tells how many searches share an event; the colour says it again. */
function pick(x: number, y: number, share: number, sharedBy: number, palette: Palette): Mark {
    const size = 3.5 + 3 * Math.sqrt(share);
    if (sharedBy === 1) return diamond(x, y, size + 1.5, palette.minus, palette.surface, 1);
    if (sharedBy < GSUS.length) return circle(x, y, size, palette.surface, palette.plus, 2.5);
    return circle(x, y, size - 0.5, palette.text2, palette.surface, 1);
}

function colourOf(sharedBy: number, palette: Palette): string {
    return sharedBy === 1 ? palette.minus : sharedBy < GSUS.length ? palette.plus : palette.text2;
}

function trackStems(scene_: ComparisonScene, box: Box, track: Track): Stem[] {
    return stems(box, track, track.events, (event) => scene_.scale.at(scene_.history.time[event]!), scene_.layout.top, "root");
}

function drawPicks(scene_: ComparisonScene, palette: Palette, box: Box): Mark[] {
    const { layout, comparison, selected, history, scale } = scene_;
    const marks: Mark[] = [];
    const shared = (event: number) => comparison.by.get(event)!.length;
    for (const track of layout.tracks) {
        const found = trackStems(scene_, box, track);
        const base = baseline(box, track);
        for (const stem of found) marks.push(line(stem.x, base, stem.x, stem.y, faint(colourOf(shared(stem.event), palette), 0.6), 1.5));
        // What only one search picks is drawn last, on top.
        const order = [...found].sort((a, b) => shared(b.event) - shared(a.event));
        for (const stem of order) marks.push(pick(stem.x, stem.y, stem.share, shared(stem.event), palette));
        for (const stem of found.filter(({ event }) => event === selected)) {
            marks.push(circle(stem.x, stem.y, 11, "transparent", palette.text, 2));
        }
    }
    if (selected !== null) {
        const x = pixelOf(box, scale.at(history.time[selected]!));
        marks.push(line(x, box.y, x, box.y + box.height, palette.text2, 1, [4, 3]));
    }
    return marks;
}

function labels({ layout, comparison }: ComparisonScene, palette: Palette, box: Box): Mark[] {
    const marks: Mark[] = [];
    for (const track of layout.tracks) {
        const base = baseline(box, track);
        const only = comparison.overlaps.find(({ gsus }) => gsus.length === 1 && gsus[0] === track.gsu)?.count ?? 0;
        // The square root: what is picked matters here, however little it weighs. A quarter stands half as tall.
        for (const weight of [layout.top / 4, layout.top]) {
            const y = heightOf(box, track, weight, layout.top, "root");
            marks.push(line(box.x, y, box.x + box.width, y, palette.line));
            marks.push(text(box.x - 8, y, tickPercent(weight), palette.text2, palette, { size: 11, align: "right" }));
        }
        marks.push(line(box.x, base, box.x + box.width, base, palette.lineStrong));
        const name = box.y + track.y - NAME / 2 + 2;
        marks.push(text(4, name, track.gsu, palette.text, palette, { weight: "bold" }));
        marks.push(text(84, name, `${counted(track.events.length, "event")}, ${only} of them only here`, palette.text2, palette));
    }
    return marks;
}

function legend({ layout, comparison }: ComparisonScene, palette: Palette): Mark[] {
    const of = (count: (shared: number) => boolean) =>
        comparison.overlaps.filter(({ gsus }) => count(gsus.length)).reduce((sum, overlap) => sum + overlap.count, 0);
    const entries = [
        { shared: 3, words: `picked by all three: ${of((shared) => shared === 3)}` },
        { shared: 2, words: `by two: ${of((shared) => shared === 2)}` },
        { shared: 1, words: `by one only: ${of((shared) => shared === 1)}` },
    ];
    const marks: Mark[] = [];
    let [x, y] = [10, 12];
    for (const { shared, words } of entries) {
        if (layout.narrow && shared === 2) [x, y] = [10, 32];
        marks.push(pick(x, y, 0.6, shared, palette));
        marks.push(text(x + 12, y, words, palette.text, palette));
        x += 34 + words.length * 6.6;
    }
    return marks;
}

function overlapBars({ layout, comparison }: ComparisonScene, palette: Palette, box: Box): Mark[] {
    const top = box.y + box.height + AXIS + 14;
    if (comparison.overlaps.length === 0) return [text(4, top, "No search picked an event for this candidate.", palette.text2, palette)];
    const marks: Mark[] = [text(4, top, "How many events are picked by", palette.text, palette, { weight: "bold" })];
    const label = layout.narrow ? 146 : 152;
    const most = Math.max(...comparison.overlaps.map(({ count }) => count), 1);
    const room = box.x + box.width - label - 40;
    comparison.overlaps.forEach(({ gsus, count }, i) => {
        const y = top + 18 + i * OVERLAP_ROW;
        const width = Math.max((count / most) * room, 2);
        marks.push(pick(10, y, 0.4, gsus.length, palette));
        marks.push(text(22, y, overlapName(gsus), palette.text, palette));
        marks.push(rect(label, y - 5, width, 10, colourOf(gsus.length, palette)));
        marks.push(text(label + width + 6, y, String(count), palette.text2, palette));
    });
    return marks;
}

function drawStrip(scene_: ComparisonScene, palette: Palette, box: Box): Mark[] {
    const { comparison, scale, history } = scene_;
    return comparison.events.map((event) => {
        const x = pixelOf(box, scale.at(history.time[event]!));
        return line(x, box.y + 5, x, box.y + box.height - 5, faint(colourOf(comparison.by.get(event)!.length, palette), 0.7), 1.5);
    });
}

export interface PickHit {
    event: number;
    x: number;
    y: number;
}

/** Where an event is shown in the first track that has it. */
export function placeOfPick(scene_: ComparisonScene, box: Box, event: number): PickHit | null {
    for (const track of scene_.layout.tracks) {
        const stem = trackStems(scene_, box, track).find((one) => one.event === event);
        if (stem) return { event, x: stem.x, y: stem.y };
    }
    return null;
}

export function pickAt(scene_: ComparisonScene, box: Box, x: number, y: number, reach: number): PickHit | null {
    for (const track of scene_.layout.tracks) {
        if (y < box.y + track.y - 6 || y > baseline(box, track) + 6) continue;
        const stem = stemAt(trackStems(scene_, box, track), x, y, reach);
        return stem && { event: stem.event, x: stem.x, y: stem.y };
    }
    return null;
}
