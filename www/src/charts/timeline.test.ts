import { expect, test } from "vitest";
import type { Attended } from "./contract";
import { asSVG } from "./echarts";
import { lanesOf, actionsOf } from "./lanes";
import { historyOf, NOW, paletteOf } from "./samples";
import { pixelOf, type Box } from "./scene";
import { spanOf, timeScale } from "./time-scale";
import { hitAt, layoutOf, placeOf, timelineOption, type Scene } from "./timeline";
import { attendedEvents, timelineSummary, timelineTable, weightsInWords } from "./timeline-data";
import { LENGTH } from "./words";

const history = historyOf([
    ["click", 2 * LENGTH.YEAR],
    ["save", LENGTH.YEAR],
    ["skip", 30 * LENGTH.DAY],
    ["click", 2 * LENGTH.DAY],
]);
const attended: Attended = {
    long: [
        { event: 1, heads: [0.5, 0.9] },
        { event: 0, heads: [0.5, 0.1] },
    ],
    recent: [{ event: 3, heads: [1, 1] }],
    skips: [{ event: 2, heads: [1, 1] }],
};

function sceneOf(scale = timeScale("date", spanOf(history.time, NOW), NOW)): Scene {
    const lanes = lanesOf(history, scale);
    return {
        history,
        action: actionsOf(history),
        scale,
        selected: 1,
        brushed: null,
        edited: new Set([3]),
        layout: layoutOf(attended, "mean", lanes, false),
        view: { from: scale.from, to: scale.to },
        touch: false,
    };
}

/** Draws as the page does, and gives back the box and the drawing. */
function drawn(scene: Scene): { box: Box; svg: string } {
    let box: Box | null = null;
    const option = timelineOption(scene, paletteOf("light"), (seen) => (box = seen));
    const svg = asSVG(option, { width: 800, height: scene.layout.height }, "History", "Two events & more");
    return { box: box!, svg };
}

test("bands for what attention looked at, rows for what the history holds, none over another", () => {
    const { layout } = sceneOf();
    expect(layout.bands.map(({ label }) => label)).toEqual(["search", "recent", "skips"]);
    expect(layout.rows.map(({ lane }) => lane.action)).toEqual(["save", "click", "skip"]);
    const strips = [...layout.bands, ...layout.rows];
    for (let i = 1; i < strips.length; i += 1) expect(strips[i]!.y).toBeGreaterThanOrEqual(strips[i - 1]!.y + strips[i - 1]!.height);
    expect(layoutOf({ ...attended, skips: [] }, "mean", [], false).bands).toHaveLength(2);
});

test("the box maps times to pixels as the axis does, also when zoomed far in", () => {
    for (const name of ["date", "age"] as const) {
        const scene = sceneOf(timeScale(name, spanOf(history.time, NOW), NOW));
        const { box } = drawn(scene);
        expect(box.from).toBeCloseTo(scene.scale.from, 1);
        expect(box.to).toBeCloseTo(scene.scale.to, 1);
        const place = scene.scale.at(history.time[1]!);
        const half = (scene.scale.to - scene.scale.from) * 2e-3;
        const { box: zoomed } = drawn({ ...scene, view: { from: place - half, to: place + half } });
        expect(pixelOf(zoomed, place)).toBeCloseTo(zoomed.x + zoomed.width / 2, 1);
    }
});

test("the pointer finds stems by their band and marks by their lane", () => {
    const scene = sceneOf();
    const { box } = drawn(scene);
    const stem = placeOf(scene, box, 1)!;
    expect(hitAt(scene, box, stem.x + 3, stem.y + 20, 8)).toEqual({ event: 1, x: stem.x, y: stem.y, near: 1 });
    expect(hitAt(scene, box, stem.x + 40, stem.y, 8)).toBeNull();
    const row = scene.layout.rows.find(({ lane }) => lane.action === "click")!;
    const x = pixelOf(box, scene.scale.at(history.time[0]!));
    expect(hitAt(scene, box, x - 5, box.y + row.y + 4, 8)).toMatchObject({ event: 0, x, near: 1 });
    expect(hitAt(scene, box, x, box.y + box.height + 30, 8)).toBeNull();
});

test("the SVG has a name, a description, and a label for every lane", () => {
    const { svg } = drawn(sceneOf());
    expect(svg).toMatch(/^<svg[^>]*><title>History<\/title><desc>Two events &#38; more<\/desc>/);
    for (const label of ["search", "recent", "skips", "save", "click"]) expect(svg).toContain(`>${label}</text>`);
});

test("the same picture is the same SVG", () => {
    const { svg } = drawn(sceneOf());
    expect(svg).toContain('<clipPath id="c0"');
    expect(drawn(sceneOf()).svg).toBe(svg);
    expect(drawn({ ...sceneOf(), selected: 0 }).svg).not.toBe(svg);
});

test("54,000 events make no more marks than the picture has columns", () => {
    const many = historyOf(Array.from({ length: 54_000 }, (_, i) => ["click", (i + 1) * LENGTH.HOUR]));
    const scale = timeScale("date", spanOf(many.time, NOW), NOW);
    const lanes = lanesOf(many, scale);
    const scene = { ...sceneOf(scale), history: many, action: actionsOf(many), layout: layoutOf(attended, "mean", lanes, false), selected: null };
    const { svg } = drawn(scene);
    expect(svg.length).toBeLessThan(200_000);
});

test("every attended event once, oldest first", () => {
    expect(attendedEvents(history, attended)).toEqual([0, 1, 2, 3]);
});

test("the summary says how many, how long, and what weighs most under the head", () => {
    expect(timelineSummary(history, attended, "mean")).toBe(
        "4 events over 2 years; search picked 2 of them, beside 1 recent event and 1 skip. " +
            "Most attention (mean of all heads): item 1, 1 year ago, 70.0%.",
    );
    expect(timelineSummary({ ...history, simulated: true }, attended, 0)).toMatch(/head 1.*The person is simulated\.$/);
    expect(timelineSummary(historyOf([]), { long: [], recent: [], skips: [] }, "mean")).toBe("This person has no events.");
});

test("weights are told by list, and only where attention looked", () => {
    expect(weightsInWords(attended, "mean", 1)).toBe("attention: search 70.0%");
    expect(weightsInWords(attended, "mean", 99)).toBe("");
});

test("the table holds each list, each head, and unrounded weights", () => {
    const { columns, rows } = timelineTable(history, attended);
    expect(columns).toEqual(["list", "event", "title", "action", "category", "time", "age", "mean weight", "head 1", "head 2"]);
    expect(rows[0]).toEqual(["search", 1, "item 1", "save", "drama", "31 Dec 2024, 18:00 UTC", "1 year ago", 0.7, 0.5, 0.9]);
    expect(rows.map((row) => row[0])).toEqual(["search", "search", "recent", "skips"]);
});
