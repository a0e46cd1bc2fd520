/** Time axes and zoom that charts over a history share: a plot that zooms, and a strip of everything that shows where. */

import type { DataZoomComponentOption, XAXisComponentOption, YAXisComponentOption } from "echarts";
import type { EChartsOption } from "./echarts";
import { faint, type Palette } from "./palette";
import type { TimeScale } from "./time-scale";
import type { Window } from "./view";

/** A stretch of the picture's height. */
interface Place {
    top: number;
    height: number;
}

/** What a chart over a history is beside its marks: a plot that zooms over a strip of everything. */
export function timeChart(
    scale: TimeScale,
    view: Window,
    palette: Palette,
    layout: { gutter: number; right: number; main: Place; strip: Place },
    touch: boolean,
): EChartsOption {
    const side = { left: layout.gutter, right: layout.right };
    const places = [layout.main, layout.strip];
    return {
        animation: false,
        // As in every other place where the page tells a time.
        useUTC: true,
        textStyle: { fontFamily: palette.font },
        grid: places.map(({ top, height }) => ({ ...side, top, height })),
        ...timeAxes(scale, view, palette, places.length),
        dataZoom: zoom(scale, view, palette, { ...side, top: layout.strip.top, height: layout.strip.height }, touch),
    };
}

/** One plot that zooms (axis 0) and `count - 1` strips that show everything; y axes are never seen. */
function timeAxes(scale: TimeScale, view: Window, palette: Palette, count: number): { xAxis: XAXisComponentOption[]; yAxis: YAXisComponentOption[] } {
    const indices = Array.from({ length: count }, (_, index) => index);
    return {
        xAxis: indices.map((gridIndex) => timeAxis(scale, view, palette, gridIndex, gridIndex === 0)),
        yAxis: indices.map((gridIndex) => ({ type: "value", gridIndex, min: 0, max: 1, show: false })),
    };
}

function timeAxis(scale: TimeScale, view: Window, palette: Palette, gridIndex: number, show: boolean): XAXisComponentOption {
    const line = { lineStyle: { color: palette.lineStrong } };
    const common = { gridIndex, show, min: scale.from, max: scale.to, axisLine: { show: true, onZero: false, ...line }, splitLine: { show: false } };
    const label = { color: palette.text2, fontSize: 11, hideOverlap: true };
    if (scale.ticks === null) return { ...common, type: "time", axisTick: { show: true, ...line }, axisLabel: label };
    const ticks = scale.ticks(view.to - view.from);
    const customValues = ticks.map((tick) => tick.at);
    const labels = new Map(ticks.map((tick) => [tick.at, tick.label]));
    return {
        ...common,
        type: "value",
        axisTick: { show: true, customValues, ...line },
        axisLabel: { ...label, customValues, formatter: (value: number) => labels.get(value) ?? "" },
    };
}

/**
 * Wheel, pinch and drag within the plot, and a window over the strip at `place`. On a touch screen a finger that drags over the
 * plot scrolls the page; two fingers zoom, and the strip moves.
 */
function zoom(
    scale: TimeScale,
    view: Window,
    palette: Palette,
    place: { left: number; right: number; top: number; height: number },
    touch: boolean,
): DataZoomComponentOption[] {
    const shared = { xAxisIndex: 0, filterMode: "none", startValue: view.from, endValue: view.to, minValueSpan: scale.closest, throttle: 16 } as const;
    return [
        { ...shared, type: "inside", moveOnMouseMove: !touch, preventDefaultMouseMove: !touch },
        {
            ...shared,
            type: "slider",
            ...place,
            showDataShadow: false,
            showDetail: false,
            brushSelect: false,
            backgroundColor: "transparent",
            borderColor: palette.line,
            fillerColor: faint(palette.accent, 0.1),
            handleSize: "70%",
            handleStyle: { color: palette.surface, borderColor: palette.accent },
            moveHandleSize: 0,
            emphasis: { handleStyle: { color: palette.accent, borderColor: palette.accent } },
        },
    ];
}
