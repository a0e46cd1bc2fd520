/** The ranked list as rows: filtered, sorted, with their movement. */

import type { Item, Ranked, Without } from "lookback/web";
import { PARTS, type Part } from "../charts/contract";
import { keyOf } from "../ranker/item";
import type { Sort, Task } from "./link";

export interface Row {
    key: string;
    item: Item;
    /** 1 for the best. */
    rank: number;
    title: string;
    category: string;
    ranked: Ranked;
    /** Places gained against the baseline; null where that does not rank it, or nothing is compared. */
    movement: number | null;
}

export interface Naming {
    title(key: string): string;
    category(key: string): string;
}

export function toRows(ranked: readonly Ranked[], naming: Naming, baseline: ReadonlyMap<string, number> | null): Row[] {
    return ranked.map((one, at) => {
        const key = keyOf(one.item);
        const before = baseline?.get(key);
        return {
            key,
            item: one.item,
            rank: at + 1,
            title: naming.title(key),
            category: naming.category(key),
            ranked: one,
            movement: before === undefined ? null : before - (at + 1),
        };
    });
}

/** Rank of each item of an answer. */
export function ranks(ranked: readonly Ranked[]): Map<string, number> {
    return new Map(ranked.map((one, at) => [keyOf(one.item), at + 1]));
}

/** What a part contributed: with everything, minus without that part; null where it is not measured. */
export function contribution(ranked: Ranked, without: readonly Without[] | undefined, part: Part, task: Task): { logit: number; probability: number } | null {
    const less = without?.find((one) => one.part === part);
    if (!less || !ranked.logits) return null;
    const at = task === "click" ? 0 : 1;
    const probability = task === "click" ? ranked.p_click - less.p_click : ranked.p_save - less.p_save;
    return { logit: ranked.logits[at] - less.logits[at], probability };
}

export function filtered(rows: readonly Row[], text: string): readonly Row[] {
    const wanted = text.trim().toLocaleLowerCase();
    if (wanted === "") return rows;
    return rows.filter((row) => row.title.toLocaleLowerCase().includes(wanted) || row.category.toLocaleLowerCase().includes(wanted) || row.key === wanted);
}

/** Ties keep their rank's order; what is not known comes last. */
export function sorted(rows: readonly Row[], sort: Sort, descending: boolean, partOf: (row: Row, part: Part) => number | null): readonly Row[] {
    if (sort === "rank") return descending ? rows.toReversed() : rows;
    if (sort === "title") {
        const order = new Intl.Collator("en", { numeric: true });
        const sign = descending ? -1 : 1;
        return rows.toSorted((a, b) => sign * order.compare(a.title, b.title) || a.rank - b.rank);
    }
    const part = PARTS.find((part) => part === sort);
    const value = (row: Row): number | null => {
        if (part) return partOf(row, part);
        if (sort === "click") return row.ranked.p_click;
        if (sort === "save") return row.ranked.p_save;
        return sort === "score" ? row.ranked.score : row.movement;
    };
    const sign = descending ? -1 : 1;
    const values = new Map(rows.map((row) => [row.key, value(row)]));
    return rows.toSorted((a, b) => {
        const [x, y] = [values.get(a.key) ?? null, values.get(b.key) ?? null];
        if (x === null || y === null) return Number(x === null) - Number(y === null) || a.rank - b.rank;
        return sign * (x - y) || a.rank - b.rank;
    });
}
