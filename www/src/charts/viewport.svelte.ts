/** What a chart over a history shows of it, through zooming and a change of axis. */

import type { ECharts } from "./echarts";
import type { TimeScale } from "./time-scale";
import { around, panned, show, viewOf, windowOf, zoomed, type View, type Window } from "./view";

export class Viewport {
    #scale: () => TimeScale;
    #chart: ECharts | null = null;
    // Not reactive: a picture that is zoomed is drawn by the library, not by a new option.
    #view: View = null;
    #ticks: unknown = null;
    /** Counts what is to be drawn anew though no data changed. */
    #redraw = $state(0);

    constructor(scale: () => TimeScale) {
        this.#scale = scale;
    }

    /** What to draw; asked by an option, which is made anew when other ticks are due. */
    drawn(): Window {
        void this.#redraw;
        const window = this.shown();
        this.#ticks = this.#scale().ticks?.(window.to - window.from);
        return window;
    }

    shown(): Window {
        return windowOf(this.#view, this.#scale());
    }

    /** Follows what the library has drawn. */
    follow(seen: Window): void {
        this.#view = viewOf(seen, this.#scale());
    }

    /** Follows a chart until it is put away; `onzoom` is told that what is shown has changed. */
    attach(chart: ECharts, onzoom: () => void): () => void {
        this.#chart = chart;
        chart.on("datazoom", () => {
            onzoom();
            const { from, to } = this.shown();
            const { ticks } = this.#scale();
            if (ticks && ticks(to - from) !== this.#ticks) this.#redraw += 1;
        });
        return () => (this.#chart = null);
    }

    /** Shows `factor` times as much around the middle. */
    zoom(factor: number): void {
        this.#show((window) => zoomed(window, factor, this.#scale()));
    }

    /** Moves by a share of what is shown. */
    pan(share: number): void {
        this.#show((window) => panned(window, share, this.#scale()));
    }

    /** Brings a time into sight. */
    reveal(time: number): void {
        this.#show((window) => around(window, this.#scale().at(time), this.#scale()));
    }

    all(): void {
        this.#show(() => windowOf(null, this.#scale()));
    }

    #show(move: (window: Window) => Window): void {
        if (this.#chart) show(this.#chart, move(this.shown()));
    }
}
