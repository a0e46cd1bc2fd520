/** Which file is which, by its first bytes. */

import { Problem, quoted } from "./problem";

export type Kind = "bundle" | "shard" | "request message" | "capture" | "json";

/** As many bytes as decide. */
export const HEAD_BYTES = 64;

/** Beyond this no request or titles file is read: 262,144 events and 10,000 candidates stay below. */
export const MAX_JSON_BYTES = 64_000_000;
/** Bundles hold one model. */
export const MAX_BUNDLE_BYTES = 512_000_000;
/** What a 32-bit module can hold beside its own memory. */
export const MAX_SHARD_BYTES = 3_000_000_000;
export const MAX_MESSAGE_BYTES = 256_000_000;

const LETTERS: readonly (readonly [string, Kind])[] = [
    ["LBBUNDLE", "bundle"],
    ["LBSHARD\0", "shard"],
    ["LBRQ", "request message"],
    ["LBCP", "capture"],
];

/** Files of other kinds that people are likely to drop, and what to do instead. */
const FOREIGN: readonly (readonly [string, string])[] = [
    ["LBDELTA\0", "a delta, which changes a shard. Apply it to its shard first and open the result"],
    ["LBRS", "a response without its request. Open the capture that holds both: “lookback rank --capture FILE” writes one"],
    ["LBXQ", "an explain request. Open the request in it"],
    ["LBXS", "an explain response. Open the capture of the request instead"],
    ["\0asm", "a WebAssembly module. This page brings its own; open a bundle"],
    ["PK\x03\x04", "a zip archive. Unpack it and open what is in it"],
    ["\x1f\x8b", "compressed with gzip. Decompress it first"],
    ["PAR1", "a Parquet file. Import it with “lookback import” and make a capture with “lookback rank --capture FILE”"],
    ["<", "HTML or XML. If it came by link, the address is probably wrong"],
];

const NEXT =
    "Open a bundle (.lbb), a shard (.lbs), a request (JSON, as “lookback rank --help” shows it), a capture (“lookback rank --capture FILE”) or titles (JSON).";

const LIMITS: Readonly<Record<Kind, number>> = {
    bundle: MAX_BUNDLE_BYTES,
    shard: MAX_SHARD_BYTES,
    "request message": MAX_MESSAGE_BYTES,
    capture: MAX_MESSAGE_BYTES,
    json: MAX_JSON_BYTES,
};

/** The kind of a file that starts with `head` and has `size` bytes; a problem where this page does not read it. */
export function kindOf(name: string, head: Uint8Array, size: number): Kind {
    if (size === 0) throw new Problem(`${quoted(name)} is empty. ${NEXT}`);
    const kind = recognised(head);
    if (kind === null) throw new Problem(`${quoted(name)} ${foreign(head)}`);
    const limit = LIMITS[kind];
    if (size > limit) {
        const most = `${Math.round(limit / 1e6).toLocaleString("en")} MB`;
        throw new Problem(
            `${quoted(name)} is a ${kind === "json" ? "JSON file" : kind} of ${Math.round(size / 1e6).toLocaleString("en")} MB; this page reads up to ${most}. Open a smaller one.`,
        );
    }
    return kind;
}

function recognised(head: Uint8Array): Kind | null {
    const letters = latin(head);
    for (const [magic, kind] of LETTERS) if (letters.startsWith(magic)) return kind;
    // A byte order mark and white space may come before the object.
    return /^(\xef\xbb\xbf)?[ \t\r\n]*\{/.test(letters) ? "json" : null;
}

function foreign(head: Uint8Array): string {
    const letters = latin(head);
    for (const [magic, what] of FOREIGN) if (letters.trimStart().startsWith(magic)) return `is ${what}.`;
    return `is no file that this page reads: it starts with ${quoted(printable(head))}. ${NEXT}`;
}

function latin(bytes: Uint8Array): string {
    return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

function printable(head: Uint8Array): string {
    return Array.from(head.slice(0, 16), (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
}
