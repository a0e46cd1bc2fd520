/** What if: edits to a history, as a list that can be undone, put into a link, and applied to the columns. */

import type { EventColumns } from "lookback/web";

/** Events are named by their index in the history as it was loaded; those that edits add come after them. */
export type Edit =
    | { kind: "remove"; events: readonly number[] }
    | { kind: "act"; events: readonly number[]; action: number }
    | { kind: "age"; events: readonly number[]; days: number }
    | { kind: "add"; item: bigint; action: number; time: number };

export const DAY = 86_400_000;

export interface Edited {
    columns: EventColumns;
    /** For each event of the edited history: its index in the history as loaded, or beyond it for an added one. */
    origin: Int32Array;
    /** Events of the edited history that an edit added or changed. */
    changed: ReadonlySet<number>;
    removed: number;
}

/** The history with all edits, ordered by time where an edit moved an event. */
export function apply(loaded: EventColumns, edits: readonly Edit[]): Edited {
    const added = edits.filter((edit) => edit.kind === "add");
    const before = loaded.time.length;
    const length = before + added.length;
    const item = new BigUint64Array(length);
    const action = new Uint8Array(length);
    const time = new Float64Array(length);
    item.set(loaded.item);
    action.set(loaded.action);
    time.set(loaded.time);
    added.forEach((event, at) => {
        item[before + at] = event.item;
        action[before + at] = event.action;
        time[before + at] = event.time;
    });

    const gone = new Uint8Array(length);
    const touched = new Uint8Array(length).fill(1, before);
    let moved = added.length > 0;
    for (const edit of edits) {
        if (edit.kind === "add") continue;
        for (const event of edit.events) {
            if (edit.kind === "remove") gone[event] = 1;
            else if (edit.kind === "act") action[event] = edit.action;
            else time[event] = time[event]! - edit.days * DAY;
            touched[event] = 1;
        }
        moved ||= edit.kind === "age";
    }

    let kept = Int32Array.from({ length }, (_, event) => event).filter((event) => !gone[event]);
    // Equal times keep their order: the later given is the newer.
    if (moved) kept = kept.sort((a, b) => time[a]! - time[b]! || a - b);
    const changed = new Set<number>();
    kept.forEach((event, at) => {
        if (touched[event]) changed.add(at);
    });
    return {
        columns: {
            item: BigUint64Array.from(kept, (event) => item[event]!),
            action: Uint8Array.from(kept, (event) => action[event]!),
            time: Float64Array.from(kept, (event) => time[event]!),
        },
        origin: kept,
        changed,
        removed: length - kept.length,
    };
}

/** Edits with what was undone behind them. */
export interface Log {
    readonly edits: readonly Edit[];
    /** The first `done` of them hold. */
    readonly done: number;
}

export const EMPTY: Log = { edits: [], done: 0 };

export const held = (log: Log): readonly Edit[] => log.edits.slice(0, log.done);
export const extend = (log: Log, edit: Edit): Log => ({ edits: [...held(log), edit], done: log.done + 1 });
export const undo = (log: Log): Log => ({ ...log, done: Math.max(0, log.done - 1) });
export const redo = (log: Log): Log => ({ ...log, done: Math.min(log.edits.length, log.done + 1) });

/** One edit in words. */
export function words(edit: Edit, actions: readonly string[], title: (item: bigint) => string): string {
    if (edit.kind === "add") return `Added: ${actions[edit.action] ?? "other"} of ${title(edit.item)}`;
    const events = edit.events.length === 1 ? "1 event" : `${edit.events.length.toLocaleString("en")} events`;
    switch (edit.kind) {
        case "remove":
            return `Took away ${events}`;
        case "act":
            return `Made ${events} ${edit.events.length === 1 ? "a " : ""}${actions[edit.action] ?? "other"}`;
        case "age": {
            const days = `${Math.abs(edit.days)} ${Math.abs(edit.days) === 1 ? "day" : "days"}`;
            return edit.days >= 0 ? `Made ${events} ${days} older` : `Made ${events} ${days} younger`;
        }
    }
}

/** Edits as text for a link: `r0-12,15;k3=4;t7-9=30;a172=2@893286000000`. */
export function encode(edits: readonly Edit[]): string {
    return edits
        .map((edit) => {
            switch (edit.kind) {
                case "remove":
                    return `r${ranges(edit.events)}`;
                case "act":
                    return `k${ranges(edit.events)}=${edit.action}`;
                case "age":
                    return `t${ranges(edit.events)}=${edit.days}`;
                case "add":
                    return `a${edit.item}=${edit.action}@${edit.time}`;
            }
        })
        .join(";");
}

/** The edits of a link for a history of `length` events; null where the text is none, or names other events. */
export function decode(text: string, length: number): Edit[] | null {
    if (text === "") return [];
    const edits: Edit[] = [];
    let known = length;
    for (const part of text.split(";")) {
        const edit = decodeOne(part);
        if (edit === null) return null;
        if (edit.kind === "add") known++;
        // An edit names what was there before it.
        else if (edit.events.length === 0 || edit.events.some((event) => event >= known)) return null;
        edits.push(edit);
    }
    return edits;
}

const PATTERN = /^(?:r(?<removed>[\d,-]+)|k(?<acted>[\d,-]+)=(?<action>[0-5])|t(?<aged>[\d,-]+)=(?<days>-?\d{1,6}(?:\.\d{1,6})?)|a(?<item>\d{1,20})=(?<how>[0-5])@(?<time>-?\d{1,15}))$/;

function decodeOne(text: string): Edit | null {
    const groups = PATTERN.exec(text)?.groups;
    if (!groups) return null;
    if (groups.item !== undefined) {
        const item = BigInt(groups.item);
        return item < 1n << 64n ? { kind: "add", item, action: Number(groups.how), time: Number(groups.time) } : null;
    }
    const events = fromRanges(groups.removed ?? groups.acted ?? groups.aged ?? "");
    if (events === null) return null;
    if (groups.removed !== undefined) return { kind: "remove", events };
    if (groups.acted !== undefined) return { kind: "act", events, action: Number(groups.action) };
    return { kind: "age", events, days: Number(groups.days) };
}

function ranges(events: readonly number[]): string {
    const sorted = [...new Set(events)].sort((a, b) => a - b);
    const parts: string[] = [];
    for (let at = 0; at < sorted.length; ) {
        let end = at;
        while (end + 1 < sorted.length && sorted[end + 1] === sorted[end]! + 1) end++;
        parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
        at = end + 1;
    }
    return parts.join(",");
}

/** A hostile link must not fill the memory. */
const MAX_EVENTS = 300_000;

function fromRanges(text: string): number[] | null {
    const events: number[] = [];
    for (const part of text.split(",")) {
        const match = /^(\d{1,6})(?:-(\d{1,6}))?$/.exec(part);
        if (!match) return null;
        const [from, to] = [Number(match[1]), Number(match[2] ?? match[1])];
        if (to < from || events.length + to - from > MAX_EVENTS) return null;
        for (let event = from; event <= to; event++) events.push(event);
    }
    return events;
}
