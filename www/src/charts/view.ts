/** What a zooming chart shows: a stretch of time, or everything; in time, so that it outlives a change of axis. */

import type { Range } from "./contract";
import type { ECharts } from "./echarts";
import type { TimeScale } from "./time-scale";

/** Null for everything. */
export type View = Range | null;

/** A stretch of the axis, in its own measure. */
export interface Window {
    from: number;
    to: number;
}

export function windowOf(view: View, scale: TimeScale): Window {
    if (view === null) return { from: scale.from, to: scale.to };
    return within({ from: scale.at(view.from), to: scale.at(view.to) }, scale);
}

/** The view that a window shows; everything where it reaches both ends. */
export function viewOf(window: Window, scale: TimeScale): View {
    const hair = (scale.to - scale.from) * 1e-6;
    if (window.from <= scale.from + hair && window.to >= scale.to - hair) return null;
    return { from: scale.time(window.from), to: scale.time(window.to) };
}

/** `factor` times as much, around the same middle. */
export function zoomed(window: Window, factor: number, scale: TimeScale): Window {
    const middle = (window.from + window.to) / 2;
    const half = (Math.max((window.to - window.from) * factor, scale.closest)) / 2;
    return within({ from: middle - half, to: middle + half }, scale);
}

/** Moved by a share of its width, later where it is positive. */
export function panned(window: Window, share: number, scale: TimeScale): Window {
    const step = (window.to - window.from) * share;
    return within({ from: window.from + step, to: window.to + step }, scale);
}

/** The window as it is where it holds a place well inside, or else around that place. */
export function around(window: Window, place: number, scale: TimeScale): Window {
    const edge = (window.to - window.from) * 0.02;
    if (place > window.from + edge && place < window.to - edge) return window;
    const half = (window.to - window.from) / 2;
    return within({ from: place - half, to: place + half }, scale);
}

/** Pushed inside the axis; its width stays where the axis has room for it, and is never less than the closest. */
export function within(window: Window, scale: TimeScale): Window {
    const width = Math.min(Math.max(window.to - window.from, scale.closest), scale.to - scale.from);
    const from = Math.min(Math.max(window.from, scale.from), scale.to - width);
    return { from, to: from + width };
}

export function show(chart: ECharts, window: Window): void {
    chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, startValue: window.from, endValue: window.to });
}
