/** What the page asks of its worker. Models and subjects stay in the worker under a name; calls name them. */

import type {
    AttentionBias, Capture, EventColumns, Explanation, Gsu, Item, ItemColumns, Manifest, Part, Request, Response, Versions, Weights,
} from "lookback/web";

/** The side that is looked at, and the one that it is compared with. */
export type Side = "a" | "b";

export interface Model {
    manifest: Manifest;
    versions: Versions;
    bias: AttentionBias | null;
    /** The model card, JSON text. */
    card: string | null;
}

/** A request as the page holds it: its history as columns. */
export type Subject = Request & { history: EventColumns };

export interface Files {
    bundle: Blob;
    shard: Blob;
}

export interface Opened {
    /** Null where no files came. */
    model: Model | null;
    /** Null while model or request is missing. */
    loaded: Response | null;
}

/** Which model ranks for whom, and with which history. */
export interface Call {
    model: Side;
    subject: Side;
    /** The history as it was loaded, or as edits have made it. */
    history: "loaded" | "edited";
    gsu: Gsu;
    weights: Weights;
}

export interface Calls {
    /**
     * Puts a model, a request or both on a side, after the one has ranked for the other; where anything is refused, all
     * that was there stays. What the side lacks, `lender` has. The answer is for the history as it was loaded.
     */
    open(side: Side, files: Files | null, subject: Subject | null, lender: Side): Opened;
    /** `edited`, where there is one, is the subject's edited history from then on. */
    rank(call: Call, edited: EventColumns | null): Response;
    /** Attention for each of `candidates`, and what the model says without each of `parts`. */
    explain(call: Call, candidates: readonly Item[], parts: readonly Part[]): Explanation[];
    items(side: Side, items: BigUint64Array): ItemColumns;
    decodeCapture(bytes: Uint8Array): Capture & { request: Subject };
    decodeRequest(bytes: Uint8Array): Subject;
    /** The request of a call with its answer. */
    encodeCapture(call: Call): Uint8Array;
}

export type Name = keyof Calls;
export type Answer<N extends Name> = ReturnType<Calls[N]>;

export interface Question {
    id: number;
    name: Name;
    arguments: readonly unknown[];
}

/** `milliseconds` is what the worker took. */
export type Reply =
    | { id: number; value: unknown; milliseconds: number }
    | { id: number; error: { name: string; message: string; code: string | null } };

