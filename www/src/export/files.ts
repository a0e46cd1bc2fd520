/** Copies and downloads. */

import type { Table } from "../charts/contract";

export function download(name: string, content: Blob | string, type = "text/plain"): void {
    const blob = typeof content === "string" ? new Blob([content], { type: `${type};charset=utf-8` }) : content;
    const address = URL.createObjectURL(blob);
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    // The browser has taken the address once the click's task is over.
    setTimeout(() => URL.revokeObjectURL(address), 0);
}

/** RFC 4180. A text that a spreadsheet would run as a formula is quoted so that it stays text. */
export function toCsv(table: Table): string {
    return [table.columns, ...table.rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value: string | number): string {
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) && !/^[+\-−]?[\d.,]+%?$/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** JSON with bigints as numbers, typed arrays as lists. */
export function toJson(value: unknown): string {
    const held: string[] = [];
    // A bigint has no JSON of its own, and in quotes it would be another id: a placeholder is put in and taken out.
    const mark = `\u0000bigint`;
    const text = JSON.stringify(
        value,
        (_key, inner: unknown) => {
            if (typeof inner === "bigint") return `${mark}${held.push(inner.toString()) - 1}`;
            return ArrayBuffer.isView(inner) && !(inner instanceof DataView) ? Array.from(inner as unknown as ArrayLike<unknown>) : inner;
        },
        2,
    );
    return text.replaceAll(/"\\u0000bigint(\d+)"/g, (_, at: string) => held[Number(at)]!);
}

/** A name that every system takes. */
export function fileName(...parts: string[]): string {
    return parts.map((part) => part.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "")).filter((part) => part !== "").join("-").slice(0, 80);
}
