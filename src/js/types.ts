/** An item's id, unsigned 64-bit: a number where it is a safe integer, a bigint beyond. */
export type Item = number | bigint;

/** What a person did with an item. */
export type Action = "other" | "click" | "save" | "closeup" | "skip" | "hide";

/** Which general search unit picks the K events for each candidate. */
export type Gsu = "hard" | "soft" | "consistent";

/**
 * A part of what the model reads: events that search finds, the last engaged events, skips, the item's features, the
 * person's attributes.
 */
export type Part = "long" | "recent" | "skips" | "item" | "user";

/** One event of a person's past; `time` in Unix milliseconds, UTC. An action not in {@link Action} is read as `other` and counted. */
export interface Event { item: Item; action: Action | (string & {}); time: number }

/** The same as columns of one length: the fast way in for long histories. Actions by code: the order of {@link Action}. */
export interface EventColumns { item: BigUint64Array; action: Uint8Array; time: Float64Array }

/** An item that the shard lacks, or has otherwise. */
export interface InlineItem {
    item: Item;
    /** 1-based index into the manifest's categories, 0 for unknown. */
    category: number;
    /** `[d]`, finite. */
    embedding: Float32Array | number[];
    /** `[F]` as the manifest lists them, standardised as in training, finite. */
    features: Float32Array | number[];
}

/** score = click · p_click + save · p_save. Both finite and not negative, not both zero. */
export interface Weights { click: number; save: number }

/** One person's past, the moment, and the candidates to put in order. */
export interface Request {
    /** The moment: Unix milliseconds, UTC. Only events strictly before it count. */
    now: number;
    /** What is known of the person, by field. */
    attributes?: Record<string, string>;
    /** Where the candidates will be shown. */
    surface?: string;
    /** All the person's events, oldest first. */
    history?: Event[] | EventColumns;
    /** The items to rank, at most 10,000. */
    candidates: Item[] | BigUint64Array;
    items?: InlineItem[];
    /** The bundle's default where it is left out. */
    gsu?: Gsu;
    /** Both 1 where they are left out. */
    weights?: Weights;
}

/** A request that also asks what attention looked at. */
export interface ExplainRequest {
    request: Request;
    /** How many candidates to explain, from the best down; 1 where it is left out. */
    top?: number;
    /** Parts to take away, one at a time, to measure what each contributes; none where it is left out. */
    parts?: Part[];
}

/** One ranked candidate. */
export interface Ranked {
    item: Item;
    /** Calibrated P(click) and P(save), 0 to 1. */
    p_click: number;
    p_save: number;
    /** weights.click · p_click + weights.save · p_save. */
    score: number;
    /** Uncalibrated logits, click then save; `null` from popularity. */
    logits: [number, number] | null;
    source: "model" | "popularity";
    /** Whether the person has an earlier event with this item. */
    in_history: boolean;
}

/** What was odd in the request, and how much of it. */
export interface Notes {
    future_events: number;
    unknown_item_events: number;
    unknown_action_events: number;
    out_of_order_events: number;
    duplicate_candidates: number;
    unknown_candidates: number;
    unknown_attributes: number;
    unknown_surface: boolean;
}

/** The candidates in order, where the answer came from, and what it had to leave out. */
export interface Response {
    answered_by: "model" | "demographic_popularity" | "global_trending";
    model: string;
    /** BLAKE3, 64 hexadecimal digits. */
    bundle_hash: string;
    shard_hash: string;
    gsu: Gsu;
    /** Every distinct candidate, best first. */
    ranked: Ranked[];
    notes: Notes;
}

/** Attention that one candidate paid to one event. */
export interface Attention {
    /** Index of the event in the request's history, as the request gave it. */
    event: number;
    /** Weight per head; each head's weights over all its events sum to 1. */
    heads: number[];
}

/** What the model says of a candidate without one part of what it reads. */
export interface Without { part: Part; p_click: number; p_save: number; logits: [number, number] }

/** What attention looked at for one candidate; most attention first. */
export interface Explanation {
    item: Item;
    /** Over the K events that search picked. */
    long: Attention[];
    recent: Attention[];
    skips: Attention[];
    /** In the order of the request's `parts`. */
    without: Without[];
}

/** The answer to an explain request. */
export interface ExplainResponse {
    response: Response;
    /** One for each of the best candidates that the model scored, best first; empty when popularity answered. */
    explanations: Explanation[];
}

/** One request with its response: replayable against the versions that the response names. */
export interface Capture { request: Request; response: Response }

/** What a model version is and how it wants its inputs. */
export interface Manifest {
    name: string;
    embedding_version: string;
    /** d. */
    embedding_dim: number;
    /** Names of the F item features. */
    item_features: string[];
    /** A category's index is its position + 1; 0 is unknown. */
    categories: string[];
    surfaces: string[];
    user_fields: { name: string; values: string[] }[];
    /** Events that search picks for each candidate, K. */
    k: number;
    /** Length of the recent sequence, and of the skip sequence. */
    recent: number;
    skips: number;
    heads: number;
    default_gsu: Gsu;
}

/** What is loaded; `null` where nothing is. */
export interface Versions {
    bundle_hash: string | null;
    shard_hash: string | null;
    embedding_version: string | null;
    /** Rows of the shard. */
    items: number;
}

/** Columns of items, in the order that was asked for; zeros where the shard lacks an item. */
export interface ItemColumns {
    /** 1 where the shard has the item. `[n]`. */
    known: Uint8Array;
    /** 1-based index into the manifest's categories, 0 for unknown. `[n]`. */
    category: Uint32Array;
    /** `[n, d]`. */
    embedding: Float32Array;
    /** `[n, F]`. */
    features: Float32Array;
}

/** What attention over the long history learned of time and actions: biases that are added to each head's logit. */
export interface AttentionBias {
    /** `[age bucket][head]`: bucket b holds ages of 2^(b-1) to 2^b minutes, bucket 0 less than one. */
    age: number[][];
    /** `[action][head]`, actions by code. */
    action: number[][];
}

/**
 * Why a call failed, in the words of the raw interface (`lookback::abi::Status`); `OutOfMemory` where its `alloc` gives 0.
 * What was loaded before a failed call goes on answering.
 */
export type ErrorCode =
    | "BadMessage" | "BadBundle" | "BadShard" | "BadDelta" | "EmbeddingVersion" | "NotLoaded" | "BadRequest" | "OutOfMemory" | "Internal";
