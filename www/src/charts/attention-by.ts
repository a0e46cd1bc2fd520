/** Sums of long attention over groups of events, beside what each group is of the whole history. */

import { ageGroup, AGE_GROUPS } from "./age";
import { ACTIONS, type Attended, type Grouping, type Head, type History, type Table } from "./contract";
import type { EChartsOption, Mark } from "./echarts";
import { actionsOf } from "./lanes";
import { faint, type Palette } from "./palette";
import { line, pixelOf, rect, scene, text, type Box } from "./scene";
import { niceCeiling, weighed } from "./weights";
import { counted, percent } from "./words";

export interface Group {
    label: string;
    /** Sum of weights. */
    attention: number;
    /** Events that search picked. */
    picked: number;
    /** Events of the whole history. */
    all: number;
    /** `all` as a share of the history. */
    share: number;
    /** Action code, where groups are actions. */
    action: number | null;
}

/** Groups that are shown by name; further ones are summed up. */
const MOST = 12;

/** By category and action: most attention first. By age: youngest first. Groups without a picked event are left out. */
export function groupsOf(history: History, attended: Attended, head: Head, by: Grouping): Group[] {
    const action = actionsOf(history);
    const key = (event: number): number => {
        if (by === "category") return history.category[event]!;
        if (by === "action") return action[event]!;
        return ageGroup(Math.max(history.now - history.time[event]!, 0));
    };
    const label = (of: number): string => {
        if (by === "category") return history.categories[of - 1] ?? "unknown";
        if (by === "action") return ACTIONS[of]!;
        return AGE_GROUPS[of]!.label;
    };
    const all = new Map<number, number>();
    for (let event = 0; event < history.time.length; event += 1) all.set(key(event), (all.get(key(event)) ?? 0) + 1);
    const sums = new Map<number, { attention: number; picked: number }>();
    for (const { event, weight } of weighed(attended.long, head)) {
        const held = sums.get(key(event)) ?? { attention: 0, picked: 0 };
        sums.set(key(event), { attention: held.attention + weight, picked: held.picked + 1 });
    }
    const groups = [...sums].map(([of, { attention, picked }]) => ({
        of,
        label: label(of),
        attention,
        picked,
        all: all.get(of) ?? 0,
        share: (all.get(of) ?? 0) / history.time.length,
        action: by === "action" ? of : null,
    }));
    groups.sort((a, b) => (by === "age" ? a.of - b.of : b.attention - a.attention || a.of - b.of));
    return folded(groups.map(({ of: _, ...group }) => group));
}

function folded(groups: Group[]): Group[] {
    if (groups.length <= MOST) return groups;
    const rest = groups.slice(MOST - 1);
    const sum = (of: "attention" | "picked" | "all" | "share") => rest.reduce((total, group) => total + group[of], 0);
    const last = { label: `${rest.length} others`, attention: sum("attention"), picked: sum("picked"), all: sum("all"), share: sum("share"), action: null };
    return [...groups.slice(0, MOST - 1), last];
}

export function groupsSummary(groups: readonly Group[], by: Grouping): string {
    const first = groups.reduce<Group | null>((a, b) => (a === null || b.attention > a.attention ? b : a), null);
    if (!first) return "Search picked no event for this candidate.";
    return (
        `Most attention by ${by}: ${first.label} with ${percent(first.attention)} on ${counted(first.picked, "event")}; ` +
        `${percent(first.share)} of the whole history is ${by === "age" ? "of that age" : "of it"}.`
    );
}

export function groupsTable(groups: readonly Group[], by: Grouping): Table {
    return {
        columns: [by, "attention", "events picked", "events in the history", "share of the history"],
        rows: groups.map((group) => [group.label, group.attention, group.picked, group.all, group.share]),
    };
}

const ROW = 34;
const LEGEND = 26;

export function groupsHeight(groups: readonly Group[]): number {
    return Math.max(groups.length, 1) * ROW + LEGEND + 4;
}

export function groupsOption(groups: readonly Group[], palette: Palette, height: number): EChartsOption {
    const most = Math.max(0, ...groups.map((group) => Math.max(group.attention, group.share)));
    const ends = { from: 0, to: niceCeiling(most) };
    return {
        animation: false,
        textStyle: { fontFamily: palette.font },
        grid: { left: 4, right: 10, top: LEGEND, height: height - LEGEND - 4 },
        xAxis: { type: "value", min: ends.from, max: ends.to, show: false },
        yAxis: { type: "value", min: 0, max: 1, show: false },
        series: [scene(0, ends, false, (box) => (groups.length === 0 ? empty(box, palette) : draw(box, groups, palette)))],
    };
}

function empty(box: Box, palette: Palette): Mark[] {
    return [text(box.x, box.y + 16, "Search picked no event for this candidate.", palette.text2, palette)];
}

function draw(box: Box, groups: readonly Group[], palette: Palette): Mark[] {
    const marks: Mark[] = [
        rect(box.x, box.y - 19, 14, 9, palette.accent),
        text(box.x + 20, box.y - 14, "attention", palette.text2, palette, { size: 11 }),
        line(box.x + 88, box.y - 21, box.x + 88, box.y - 8, palette.text, 2),
        text(box.x + 95, box.y - 14, "share of the whole history", palette.text2, palette, { size: 11 }),
    ];
    groups.forEach((group, i) => {
        const top = box.y + i * ROW;
        const bar = { y: top + 19, height: 9 };
        const numbers = `${percent(group.attention)} · ${group.picked} of ${counted(group.all, "event")}`;
        const colour = group.action === null ? palette.accent : palette.actions[group.action]!;
        const end = box.x + box.width;
        marks.push(text(end, top + 9, numbers, palette.text2, palette, { align: "right" }));
        // What the numbers need, by the width of digits.
        marks.push(text(box.x, top + 9, group.label, palette.text, palette, { width: Math.max(box.width - numbers.length * 7 - 8, 60) }));
        marks.push(rect(box.x, bar.y, box.width, bar.height, faint(palette.lineStrong, 0.12)));
        marks.push(rect(box.x, bar.y, Math.max(pixelOf(box, group.attention) - box.x, 1), bar.height, colour));
        const share = pixelOf(box, group.share);
        marks.push(line(share, bar.y - 3, share, bar.y + bar.height + 3, palette.surface, 4));
        marks.push(line(share, bar.y - 3, share, bar.y + bar.height + 3, palette.text, 2));
    });
    return marks;
}
