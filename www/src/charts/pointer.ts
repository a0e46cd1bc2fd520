/** What a chart's marks say to whoever points at them. */

import type { ECharts } from "./echarts";

export interface Pointing<Hit> {
    /** The mark at a place of the picture, in pixels. */
    at: (x: number, y: number) => Hit | null;
    /** The mark that is pointed at now; null where there is none. */
    onhit: (hit: Hit | null) => void;
    /** A click at a height, on a mark or beside all. */
    onclick: (hit: Hit | null, y: number) => void;
    /** While it says so, pointing means something else. */
    busy?: () => boolean;
}

export function point<Hit>(chart: ECharts, { at, onhit, onclick, busy = () => false }: Pointing<Hit>): void {
    const zr = chart.getZr();
    zr.on("mousemove", (event) => {
        if (busy()) return;
        const hit = at(event.offsetX, event.offsetY);
        onhit(hit);
        zr.setCursorStyle(hit ? "pointer" : "default");
    });
    zr.on("globalout", () => onhit(null));
    zr.on("click", (event) => {
        if (!busy()) onclick(at(event.offsetX, event.offsetY), event.offsetY);
    });
}
