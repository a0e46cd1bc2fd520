/** The parts of ECharts that the charts use, and one shape of our own: many columns as one path. */

import type { CustomSeriesRenderItemReturn, EChartsOption } from "echarts";
import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { BrushComponent, DataZoomComponent, GridComponent, ToolboxComponent, TooltipComponent } from "echarts/components";
import { graphic, init, use } from "echarts/core";
import type { ECharts } from "echarts/core";
import { CanvasRenderer, SVGRenderer } from "echarts/renderers";

use([
    BarChart,
    CustomChart,
    LineChart,
    BrushComponent,
    DataZoomComponent,
    GridComponent,
    // Never seen, yet the brush asks for it.
    ToolboxComponent,
    TooltipComponent,
    CanvasRenderer,
    SVGRenderer,
]);

/** Left edges of columns of one height and width, in pixels. */
export interface Columns {
    left: readonly number[];
    y: number;
    width: number;
    height: number;
}

graphic.registerShape(
    "columns",
    graphic.extendShape({
        type: "columns",
        shape: { left: [], y: 0, width: 1, height: 1 },
        buildPath(path: Pick<CanvasRenderingContext2D, "rect">, shape: Columns) {
            for (const left of shape.left) path.rect(left, shape.y, shape.width, shape.height);
        },
    }),
);

/** A drawn element of a custom series. */
export type Mark = NonNullable<CustomSeriesRenderItemReturn>;

export function columns(shape: Columns, fill: string): Mark {
    // Registered above, so unknown to the library's types.
    return { type: "columns", shape, style: { fill }, silent: true } as unknown as Mark;
}

export type { ECharts, EChartsOption };

/** A live chart on a canvas. */
export function onCanvas(host: HTMLElement, width: number, height: number): ECharts {
    return init(host, null, { renderer: "canvas", width, height });
}

/** The same picture as an SVG document, with its name and description for whoever cannot see it. */
export function asSVG(option: EChartsOption, size: { width: number; height: number }, name: string, summary: string): string {
    const chart = init(null, null, { renderer: "svg", ssr: true, ...size });
    try {
        chart.setOption(option);
        const head = `<title>${escaped(name)}</title><desc>${escaped(summary)}</desc>`;
        // Not chart.renderToSVGString(), which adds a style sheet for a pointer that a picture never meets.
        const painter = chart.getZr().painter as unknown as { renderToString(options: object): string };
        const svg = painter.renderToString({ cssAnimation: false, cssEmphasis: false });
        // The library counts its drawings in names of clips: the same picture is to be the same text.
        return svg.replace(/^<svg[^>]*>/, (tag) => `${tag}${head}`).replace(/(id="|url\(#)zr\d+-/g, "$1");
    } finally {
        chart.dispose();
    }
}

/** A live chart as a PNG, at twice the page's pixels. */
export function asPNG(chart: ECharts, background: string): Promise<Blob> {
    const canvas = chart.renderToCanvas({ pixelRatio: 2 * window.devicePixelRatio, backgroundColor: background });
    return new Promise((resolve, reject) => {
        canvas.toBlob((blob) => {
            if (blob) resolve(blob);
            else reject(new Error("the browser could not write the picture as PNG; copy it as SVG instead"));
        }, "image/png");
    });
}

function escaped(text: string): string {
    // Control characters are no XML at all, not even escaped.
    return text
        .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
        .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
