/** Titles of items: a JSON object from item id, or key, to title. */

import { keyOf, itemOf } from "../ranker/item";
import type { Json } from "./json";
import { Problem, quoted } from "./problem";
import { idOf } from "./request_json";

export type Titles = ReadonlyMap<string, string>;

/** Longer titles are cut: a row has one line. */
const MAX_TITLE = 200;

export function readTitles(name: string, json: Json): Titles {
    if (typeof json !== "object" || json === null || Array.isArray(json)) {
        throw new Problem(`${quoted(name)} is JSON, but neither a request nor titles. Titles are one object: {"<item id>": "title"}.`);
    }
    const titles = new Map<string, string>();
    for (const [key, title] of Object.entries(json)) {
        if (typeof title !== "string") {
            throw new Problem(
                `${quoted(name)} is JSON, but neither a request (it has no “candidates”) nor titles (${quoted(key)} is no text). Titles are one object: {"<item id>": "title"}.`,
            );
        }
        titles.set(keyOf(itemOf(idOf(key))), [...title].slice(0, MAX_TITLE).join(""));
    }
    return titles;
}
