/** JSON without loss: integers beyond 2^53 stay what they are. */

import { Problem, quoted } from "./problem";

export type Json = null | boolean | number | bigint | string | readonly Json[] | { readonly [key: string]: Json };

/** Deeper than any file that this page reads. */
const MAX_DEPTH = 8;

export function parseJson(name: string, text: string): Json {
    refuseDepth(name, text);
    try {
        return JSON.parse(text, lossless) as Json;
    } catch (error) {
        if (error instanceof SyntaxError) {
            throw new Problem(`${quoted(name)} is no valid JSON: ${quoted(error.message, 120)}. Correct it and open it again.`);
        }
        throw error;
    }
}

/** The reviver's third argument holds the number as it was written. */
function lossless(this: unknown, _key: string, value: unknown, context?: { source?: string }): unknown {
    if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) return value;
    const source = context?.source;
    if (source === undefined) {
        throw new Problem(`The number ${value} is too large for this browser to read from JSON. Write it in quotes.`);
    }
    return /^-?\d+$/.test(source) ? BigInt(source) : value;
}

/** A parser that recurses is not asked what it does with a million brackets. */
function refuseDepth(name: string, text: string): void {
    let depth = 0;
    let inText = false;
    for (let at = 0; at < text.length; at++) {
        const code = text.charCodeAt(at);
        if (inText) {
            if (code === 0x5c) at++;
            else if (code === 0x22) inText = false;
        } else if (code === 0x22) inText = true;
        else if (code === 0x7b || code === 0x5b) {
            if (++depth > MAX_DEPTH) {
                throw new Problem(
                    `${quoted(name)} nests deeper than ${MAX_DEPTH} levels, which no request and no titles file does. “lookback rank --help” shows a request.`,
                );
            }
        } else if (code === 0x7d || code === 0x5d) depth--;
    }
}
