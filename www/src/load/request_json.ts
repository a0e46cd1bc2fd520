/** A request as a JSON file, read as `lookback rank --request FILE` reads it. */

import { blake3 } from "@noble/hashes/blake3.js";
import type { EventColumns, Gsu, InlineItem, Item, Request, Weights } from "lookback/web";
import { ACTIONS, GSUS } from "../charts/contract";
import { MAX_ID, itemOf, keyOf } from "../ranker/item";
import type { Json } from "./json";
import { Problem, quoted } from "./problem";

/** The code that the ranker counts as an unknown action. */
const UNKNOWN_ACTION = 255;
const HELP = "“lookback rank --help” shows a request.";

export interface Read {
    request: Request & { history: EventColumns };
    /** Keys of items that are not numbers, by id: what to call an item without a title. */
    keys: Map<string, string>;
}

type Fields = { readonly [key: string]: Json };

export function isRequest(json: Json): boolean {
    return isObject(json) && ("candidates" in json || "now" in json || "history" in json);
}

export function readRequest(name: string, json: Json): Read {
    const keys = new Map<string, string>();
    const where = quoted(name);
    const wrong = (what: string): never => {
        throw new Problem(`${where} is not a request: ${what}. ${HELP}`);
    };
    const fields = known(json, "the file", ["now", "attributes", "surface", "history", "candidates", "items", "gsu", "weights"]);
    for (const must of ["now", "candidates"]) if (!(must in fields)) wrong(`the field “${must}” is missing`);

    const request: Request & { history: EventColumns } = {
        now: time(fields.now, "“now”"),
        attributes: attributes(fields.attributes === undefined ? {} : fields.attributes),
        history: history(list(fields.history === undefined ? [] : fields.history, "“history”")),
        candidates: list(fields.candidates, "“candidates”").map((key, at) => item(key, `candidate ${at + 1}`)),
        items: list(fields.items === undefined ? [] : fields.items, "“items”").map(inline),
    };
    if (typeof fields.surface === "string") request.surface = fields.surface;
    else if (fields.surface !== undefined && fields.surface !== null) wrong("“surface” is no text");
    if (fields.gsu !== undefined && fields.gsu !== null) request.gsu = gsu(fields.gsu);
    if (fields.weights !== undefined) request.weights = weights(fields.weights);
    return { request, keys };

    function known(value: Json | undefined, what: string, names: readonly string[]): Fields {
        if (!isObject(value)) return wrong(`${what} is no object`);
        for (const field of Object.keys(value)) {
            if (!names.includes(field)) wrong(`${what} has a field ${quoted(field)} that nothing reads; expected ${names.join(", ")}`);
        }
        return value;
    }

    function list(value: Json | undefined, what: string): readonly Json[] {
        return Array.isArray(value) ? (value as readonly Json[]) : wrong(`${what} is no list`);
    }

    function attributes(value: Json): Record<string, string> {
        if (!isObject(value)) return wrong("“attributes” is no object");
        const read: [string, string][] = Object.entries(value).map(([field, text]) =>
            typeof text === "string" ? [field, text] : wrong(`the attribute ${quoted(field)} is no text`),
        );
        return Object.fromEntries(read);
    }

    function history(rows: readonly Json[]): EventColumns {
        const columns = { item: new BigUint64Array(rows.length), action: new Uint8Array(rows.length), time: new Float64Array(rows.length) };
        rows.forEach((row, at) => {
            const what = `event ${at + 1}`;
            const event = known(row, what, ["item", "action", "time"]);
            columns.item[at] = BigInt(item(event.item, `the item of ${what}`));
            columns.action[at] = action(event.action, what);
            columns.time[at] = time(event.time, `the time of ${what}`);
        });
        return columns;
    }

    function action(value: Json | undefined, what: string): number {
        if (typeof value !== "string") return wrong(`the action of ${what} is no text`);
        const code = (ACTIONS as readonly string[]).indexOf(value);
        return code < 0 ? UNKNOWN_ACTION : code;
    }

    function item(value: Json | undefined, what: string): Item {
        if (typeof value === "string") {
            const id = itemOf(idOf(value));
            if (keyOf(id) !== value) keys.set(keyOf(id), value);
            return id;
        }
        if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
        if (typeof value === "bigint" && value >= 0n && value <= MAX_ID) return value;
        return wrong(`${what} is neither a key in quotes nor an unsigned 64-bit number`);
    }

    function inline(value: Json, at: number): InlineItem {
        const what = `row ${at + 1} of “items”`;
        const row = known(value, what, ["item", "category", "embedding", "features"]);
        const category = row.category;
        if (typeof category !== "number" || !Number.isInteger(category) || category < 0) return wrong(`the category of ${what} is no whole number`);
        return {
            item: item(row.item, `the item of ${what}`),
            category,
            embedding: numbers(row.embedding, `the embedding of ${what}`),
            features: numbers(row.features, `the features of ${what}`),
        };
    }

    function numbers(value: Json | undefined, what: string): Float32Array {
        return Float32Array.from(list(value, what), (number) => (typeof number === "number" ? number : Number(typeof number === "bigint" ? number : wrong(`${what} holds something that is no number`))));
    }

    function gsu(value: Json): Gsu {
        return (GSUS as readonly Json[]).includes(value) ? (value as Gsu) : wrong(`“gsu” is ${quoted(String(value))}; expected hard, soft or consistent`);
    }

    function weights(value: Json | undefined): Weights {
        const { click, save } = known(value, "“weights”", ["click", "save"]);
        return typeof click === "number" && typeof save === "number" ? { click, save } : wrong("“weights” needs the numbers click and save");
    }

    function time(value: Json | undefined, what: string): number {
        if (typeof value === "number" && Number.isSafeInteger(value)) return value;
        if (typeof value === "string") {
            if (/^-?\d{1,15}$/.test(value)) return Number(value);
            const parsed = RFC_3339.test(value) ? Date.parse(value) : Number.NaN;
            if (!Number.isNaN(parsed)) return parsed;
        }
        return wrong(`${what} is neither RFC 3339, such as 1998-04-22T21:10:38Z, nor Unix milliseconds`);
    }
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

function isObject(value: Json | undefined): value is Fields {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The id of a key: the number it spells, else the first 8 bytes of its BLAKE3, little endian. */
export function idOf(key: string): bigint {
    if (/^(0|[1-9]\d{0,19})$/.test(key) && BigInt(key) <= MAX_ID) return BigInt(key);
    const hash = blake3(new TextEncoder().encode(key));
    return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0, true);
}
