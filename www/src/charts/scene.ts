/** Pictures that no chart type of the library draws: a function from a box to marks, as one custom series. */

import type { CustomSeriesOption } from "echarts";
import type { Mark } from "./echarts";
import type { Palette } from "./palette";

/** Where a series may draw, in pixels, and how its x axis maps to them. */
export interface Box {
    x: number;
    y: number;
    width: number;
    height: number;
    /** Axis values at the left and right edge. */
    from: number;
    to: number;
}

export function pixelOf(box: Box, value: number): number {
    return box.x + ((value - box.from) / (box.to - box.from)) * box.width;
}

export function valueAt(box: Box, pixel: number): number {
    return box.from + ((pixel - box.x) / box.width) * (box.to - box.from);
}

/** Two different values of an x axis. */
export interface Ends {
    from: number;
    to: number;
}

/** A series that draws what `draw` makes of the box of the grid that the axes belong to. */
export function scene(axis: number, ends: Ends, clip: boolean, draw: (box: Box) => Mark[]): CustomSeriesOption {
    return {
        type: "custom",
        xAxisIndex: axis,
        yAxisIndex: axis,
        clip,
        silent: true,
        animation: false,
        // Without it the library finds no level after a brush, and says so.
        zlevel: 0,
        tooltip: { show: false },
        // One item, so that `draw` runs once; where it lies does not matter.
        data: [[ends.from, 0]],
        renderItem(params, api) {
            const { x, y, width, height } = params.coordSys as unknown as Box;
            // The axis is linear, so two values give the whole mapping; near the data they give it without rounding.
            const [left, right] = [api.coord([ends.from, 0])[0], api.coord([ends.to, 0])[0]];
            if (left === undefined || right === undefined) throw new Error("the axis has no mapping yet");
            const perPixel = (ends.to - ends.from) / (right - left);
            const from = ends.from + (x - left) * perPixel;
            const box = { x, y, width, height, from, to: from + width * perPixel };
            return { type: "group", children: draw(box) };
        },
    };
}

export interface TextStyle {
    size?: number;
    weight?: "normal" | "bold";
    align?: "left" | "center" | "right";
    baseline?: "top" | "middle" | "bottom";
    /** Longer text ends with an ellipsis. */
    width?: number;
}

export function text(x: number, y: number, words: string, fill: string, palette: Palette, style: TextStyle = {}): Mark {
    return {
        type: "text",
        silent: true,
        style: {
            x,
            y,
            text: words,
            fill,
            fontSize: style.size ?? 12,
            fontFamily: palette.font,
            fontWeight: style.weight ?? "normal",
            align: style.align ?? "left",
            verticalAlign: style.baseline ?? "middle",
            ...(style.width === undefined ? {} : { width: style.width, overflow: "truncate", ellipsis: "…" }),
        },
    };
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, width = 1, dash?: number[]): Mark {
    return {
        type: "line",
        silent: true,
        shape: { x1, y1, x2, y2 },
        style: { stroke, lineWidth: width, ...(dash ? { lineDash: dash } : {}) },
    };
}

export function rect(x: number, y: number, width: number, height: number, fill: string): Mark {
    return { type: "rect", silent: true, shape: { x, y, width, height }, style: { fill } };
}

export function circle(cx: number, cy: number, r: number, fill: string, stroke: string, width = 1): Mark {
    return { type: "circle", silent: true, shape: { cx, cy, r }, style: { fill, stroke, lineWidth: width } };
}

export function diamond(cx: number, cy: number, r: number, fill: string, stroke: string, width = 1): Mark {
    const points = [[cx, cy - r], [cx + r, cy], [cx, cy + r], [cx - r, cy]];
    return { type: "polygon", silent: true, shape: { points }, style: { fill, stroke, lineWidth: width } };
}
