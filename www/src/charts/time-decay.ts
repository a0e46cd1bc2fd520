/** What attention learned of age, above what it paid for one candidate: two plots over one axis of doubling ages. */

import type { LineSeriesOption, XAXisComponentOption } from "echarts";
import { AGE_TICKS, ageBucket } from "./age";
import type { Attended, Head, History, Table } from "./contract";
import type { EChartsOption } from "./echarts";
import { faint, type Palette } from "./palette";
import { tipOption } from "./tip-option";
import { headName, niceCeiling, weighed } from "./weights";
import { ageInWords, counted, LENGTH, percent, signed, tickPercent } from "./words";

/** Attention to the events of one age bucket. */
export interface Observed {
    bucket: number;
    events: number;
    /** Mean weight of an event. */
    mean: number;
    sum: number;
}

export interface Decay {
    /** `[age bucket][head]`; null where the model has none. */
    bias: readonly (readonly number[])[] | null;
    observed: readonly Observed[];
    head: Head;
    /** First and last bucket that are shown. */
    from: number;
    to: number;
}

/** The buckets of the ranker: 25 is the last, ages of 32 years and more included. */
const LAST_BUCKET = 25;

export function decayOf(history: History, attended: Attended, head: Head, bias: Decay["bias"]): Decay {
    const last = bias ? bias.length - 1 : LAST_BUCKET;
    const buckets = new Map<number, { events: number; sum: number }>();
    for (const { event, weight } of weighed(attended.long, head)) {
        const bucket = ageBucket(history.now - history.time[event]!, last);
        const held = buckets.get(bucket) ?? { events: 0, sum: 0 };
        buckets.set(bucket, { events: held.events + 1, sum: held.sum + weight });
    }
    const observed = [...buckets]
        .map(([bucket, { events, sum }]) => ({ bucket, events, sum, mean: sum / events }))
        .sort((a, b) => a.bucket - b.bucket);
    return { bias, observed, head, ...shownBuckets(history, observed, last) };
}

/** Buckets beyond the history were never learned from by this person: the axis ends where the history does. */
function shownBuckets(history: History, observed: readonly Observed[], last: number): { from: number; to: number } {
    let [youngest, oldest] = [Infinity, 0];
    for (const time of history.time) {
        const age = history.now - time;
        if (age < 0) continue;
        youngest = Math.min(youngest, age);
        oldest = Math.max(oldest, age);
    }
    if (youngest === Infinity) return { from: 0, to: last };
    const held = observed.map(({ bucket }) => bucket);
    const from = Math.min(ageBucket(youngest, last), ...held);
    const to = Math.max(ageBucket(oldest, last), ...held);
    // At least a few buckets, so that one lonely age is still a plot.
    const end = Math.min(Math.max(to, from + 6), last);
    return { from: Math.max(Math.min(from, end - 6), 0), to: end };
}

/** Mean over heads, or the one head. */
export function biasUnder(bias: readonly (readonly number[])[], head: Head): number[] {
    return bias.map((heads) => (head === "mean" ? heads.reduce((sum, one) => sum + one, 0) / heads.length : heads[head]!));
}

/** `16 to 32 minutes`, `under a minute`. */
export function bucketInWords(bucket: number): string {
    if (bucket === 0) return "under a minute";
    const [from, to] = [ageInWords(2 ** (bucket - 1) * LENGTH.MINUTE), ageInWords(2 ** bucket * LENGTH.MINUTE)];
    const [count, unit] = from.split(" ");
    const same = to.replace(/s$/, "").endsWith(unit!.replace(/s$/, ""));
    return `${same ? count : from} to ${to}`;
}

export function decaySummary(decay: Decay): string {
    const { bias, observed, head, from, to } = decay;
    const parts: string[] = [];
    if (bias) {
        const shown = biasUnder(bias, head);
        let best = from;
        for (let bucket = from; bucket <= to; bucket += 1) if (shown[bucket]! > shown[best]!) best = bucket;
        const change = shown[to]! - shown[from]!;
        parts.push(
            `Learned bias (${headName(head)}) is largest for ages of ${bucketInWords(best)} (${signed(shown[best]!)} logits); ` +
                `from the youngest to the oldest age shown it changes by ${signed(change)}.`,
        );
    } else parts.push("This model has no bias for age.");
    const most = observed.reduce<Observed | null>((a, b) => (a === null || b.sum > a.sum ? b : a), null);
    if (most) {
        parts.push(`For this candidate, ${percent(most.sum)} of attention is on ${counted(most.events, "event")} aged ${bucketInWords(most.bucket)}.`);
    } else parts.push("Search picked no event for this candidate.");
    return parts.join(" ");
}

export function decayTable({ bias, observed, from, to }: Decay): Table {
    const heads = bias?.[0]?.length ?? 0;
    const columns = ["age", "events", "mean weight", "sum of weights", ...Array.from({ length: heads }, (_, head) => `bias, head ${head + 1}`)];
    const rows: (string | number)[][] = [];
    for (let bucket = from; bucket <= to; bucket += 1) {
        const found = observed.find((one) => one.bucket === bucket);
        rows.push([bucketInWords(bucket), found?.events ?? 0, found?.mean ?? 0, found?.sum ?? 0, ...(bias?.[bucket] ?? [])]);
    }
    return { columns, rows };
}

/** Room above a plot, for its name. */
const HEAD = 30;

/** An axis of whole steps around all the biases that are shown. */
function stepsOf({ bias, from, to }: Decay): { min: number; max: number; interval: number } {
    const shown = (bias ?? [[0]]).slice(bias ? from : 0, bias ? to + 1 : 1).flat();
    const [least, most] = [Math.min(...shown), Math.max(...shown)];
    const interval = niceCeiling(Math.max((most - least) / 4, 0.05));
    return { min: Math.floor(least / interval) * interval, max: Math.max(Math.ceil(most / interval), Math.floor(least / interval) + 1) * interval, interval };
}

/** Moves places apart to at least `gap`, each as little as pushing from the middle of its crowd allows. */
export function spread(places: readonly number[], gap: number): number[] {
    const order = places.map((_, i) => i).sort((a, b) => places[a]! - places[b]!);
    // Crowds of places that touch; each stands around the mean of what its members want.
    const crowds: { members: number[]; middle: number }[] = [];
    const top = (crowd: { members: number[]; middle: number }) => crowd.middle - ((crowd.members.length - 1) * gap) / 2;
    for (const member of order) {
        let crowd = { members: [member], middle: places[member]! };
        for (let last = crowds.at(-1); last && top(crowd) - gap < top(last) + (last.members.length - 1) * gap; last = crowds.at(-1)) {
            crowds.pop();
            const size = last.members.length + crowd.members.length;
            const middle = (last.middle * last.members.length + crowd.middle * crowd.members.length) / size;
            crowd = { members: [...last.members, ...crowd.members], middle };
        }
        crowds.push(crowd);
    }
    const apart = new Array<number>(places.length);
    for (const crowd of crowds) crowd.members.forEach((member, i) => (apart[member] = top(crowd) + i * gap));
    return apart;
}

const DASHES: readonly ("solid" | number[])[] = ["solid", [7, 3], [2, 3], [9, 3, 2, 3], [12, 4], [4, 4], [1, 5], [6, 2, 2, 2, 2, 2]];

export function decayOption(decay: Decay, palette: Palette, width: number, height: number): EChartsOption {
    const narrow = width < 480;
    const left = 50;
    const right = narrow ? 52 : 64;
    const bottom = 44;
    const gap = 54;
    const upper = decay.bias ? Math.round((height - bottom - gap - HEAD) * 0.55) : 0;
    const lowerTop = decay.bias ? HEAD + upper + gap : HEAD;
    const grids = [
        ...(decay.bias ? [{ left, right, top: HEAD, height: upper }] : []),
        { left, right, top: lowerTop, height: height - bottom - lowerTop },
    ];
    const observedGrid = grids.length - 1;
    const steps = stepsOf(decay);
    const digits = steps.interval >= 0.5 ? 1 : 2;
    const most = niceCeiling(Math.max(0, ...decay.observed.map(({ mean }) => mean)));
    const yLabel = { color: palette.text2, fontSize: 11 };
    const named = (name: string) => ({
        name,
        nameLocation: "end" as const,
        nameGap: 14,
        nameTextStyle: { color: palette.text, fontSize: 12, fontWeight: "bold" as const, align: "left" as const, padding: [0, 0, 0, -left + 6] },
    });
    return {
        animation: false,
        textStyle: { fontFamily: palette.font },
        grid: grids,
        xAxis: grids.map((_, gridIndex) => ageAxis(decay, palette, gridIndex, gridIndex === observedGrid)),
        yAxis: [
            ...(decay.bias
                ? [
                      {
                          type: "value" as const,
                          gridIndex: 0,
                          ...named("Learned bias, logits"),
                          ...steps,
                          axisLine: { show: false, onZero: false },
                          axisTick: { show: false },
                          axisLabel: { ...yLabel, formatter: (value: number) => signed(value, digits) },
                          splitLine: { lineStyle: { color: palette.line } },
                      },
                  ]
                : []),
            {
                type: "value" as const,
                gridIndex: observedGrid,
                ...named("Mean attention to an event of that age"),
                min: 0,
                max: most,
                interval: most / 2,
                axisLine: { show: false, onZero: false },
                axisTick: { show: false },
                axisLabel: { ...yLabel, formatter: tickPercent },
                splitLine: { lineStyle: { color: palette.line } },
            },
        ],
        tooltip: tipOption(palette, "axis", (at) => tipWords(decay, Math.ceil(at))),
        axisPointer: { link: [{ xAxisIndex: "all" }], lineStyle: { color: palette.lineStrong } },
        series: [
            ...(decay.bias ? biasLines(decay, decay.bias, palette, narrow, upper / (steps.max - steps.min)) : []),
            {
                type: "bar",
                xAxisIndex: observedGrid,
                yAxisIndex: observedGrid,
                barWidth: Math.max(Math.floor(((width - left - right) / (decay.to - decay.from + 1)) * 0.8), 2),
                itemStyle: { color: palette.accent },
                label: {
                    show: !narrow,
                    position: "top",
                    distance: 2,
                    color: palette.text2,
                    fontSize: 10,
                    formatter: ({ dataIndex }) => String(decay.observed[dataIndex]!.events),
                },
                data: decay.observed.map(({ bucket, mean }) => [bucket - 0.5, mean]),
            },
        ],
    };
}

/** log2(minutes): bucket b fills b−1 to b. */
function ageAxis(decay: Decay, palette: Palette, gridIndex: number, named: boolean): XAXisComponentOption {
    const ticks = AGE_TICKS.map(({ age, label }) => ({ at: Math.log2(age / LENGTH.MINUTE), label })).filter(
        ({ at }) => at >= decay.from - 1 && at <= decay.to,
    );
    const customValues = ticks.map(({ at }) => at);
    const labels = new Map(ticks.map(({ at, label }) => [at, label]));
    return {
        type: "value",
        gridIndex,
        min: decay.from - 1,
        max: decay.to,
        containShape: false,
        axisLine: { show: true, onZero: false, lineStyle: { color: palette.lineStrong } },
        axisTick: { show: true, customValues, lineStyle: { color: palette.lineStrong } },
        axisLabel: { color: palette.text2, fontSize: 11, hideOverlap: true, customValues, formatter: (value: number) => labels.get(value) ?? "" },
        splitLine: { show: false },
        ...(named
            ? { name: "Age of the event", nameLocation: "middle", nameGap: 28, nameTextStyle: { color: palette.text2, fontSize: 12 } }
            : {}),
    };
}

function biasLines(decay: Decay, bias: readonly (readonly number[])[], palette: Palette, narrow: boolean, perLogit: number): LineSeriesOption[] {
    const heads = bias[0]?.length ?? 0;
    const every = Array.from({ length: heads }, (_, head) => head);
    const lines: { head: Head; colour: string; dash: "solid" | number[]; label: string }[] = every.map((head) => ({
        head,
        colour: palette.heads[head % palette.heads.length]!,
        dash: DASHES[head % DASHES.length]!,
        label: `head ${head + 1}`,
    }));
    if (decay.head === "mean") lines.push({ head: "mean", colour: palette.text, dash: "solid", label: "mean" });
    const ends = lines.map(({ head }) => -biasUnder(bias, head)[decay.to]! * perLogit);
    const apart = spread(ends, 13);
    return lines.map(({ head, colour, dash, label }, i) => {
        const chosen = head === decay.head;
        const shown = biasUnder(bias, head);
        const data: NonNullable<LineSeriesOption["data"]> = [];
        for (let bucket = decay.from; bucket <= decay.to; bucket += 1) {
            // The name stands beside the last point.
            data.push({ value: [bucket - 0.5, shown[bucket]!], label: { show: bucket === decay.to } });
        }
        return {
            type: "line",
            name: label,
            xAxisIndex: 0,
            yAxisIndex: 0,
            data,
            symbol: "circle",
            // A point that cannot be seen still carries its label.
            symbolSize: chosen ? 5 : 0.1,
            showAllSymbol: true,
            z: chosen ? 4 : 3,
            lineStyle: { color: chosen ? colour : faint(colour, 0.75), width: chosen ? 3 : 1.5, type: dash },
            itemStyle: { color: colour },
            emphasis: { disabled: true },
            label: {
                position: "right",
                formatter: narrow ? label.replace("head ", "h") : label,
                color: palette.text,
                fontSize: 11,
                fontWeight: chosen ? "bold" : "normal",
                distance: 6,
                offset: [0, apart[i]! - ends[i]!],
            },
        };
    });
}

function tipWords({ bias, observed }: Decay, bucket: number): { title: string; lines: string[] } {
    const found = observed.find((one) => one.bucket === bucket);
    const paid = found
        ? [`${counted(found.events, "event")} that search picked`, `mean attention ${percent(found.mean)}, in all ${percent(found.sum)}`]
        : ["search picked no event of this age"];
    const learned = (bias?.[bucket] ?? []).map((value, head) => `bias of head ${head + 1}: ${signed(value)}`);
    return { title: bucketInWords(bucket), lines: [...paid, ...learned] };
}
