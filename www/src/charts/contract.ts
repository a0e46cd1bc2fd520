/**
 * What the page gives the charts, and what the charts give back. Charts read plain data and never call the ranker.
 *
 * Events are named by their index in the request's history, as in the ranker's explanations. Charts take their colours
 * from the CSS custom properties of `app.css` (`--accent`, `--text`, `--text-2`, `--line`, `--surface`, `--click`,
 * `--save`, `--other`, `--closeup`, `--skip`, `--hide`, `--plus`, `--minus`, `--head-1` … `--head-8`), which change when
 * the root's `data-theme` does. The page's Content-Security-Policy allows style attributes, no inline script, and no
 * style elements that were not built.
 */

/** Actions by code: `ACTIONS[history.action[event]]`; a code beyond them was an unknown action. */
export const ACTIONS = ["other", "click", "save", "closeup", "skip", "hide"] as const;

/** The searches, in the order in which they are shown. */
export const GSUS = ["hard", "soft", "consistent"] as const;
export type Gsu = (typeof GSUS)[number];

/** Parts of what the model reads, in the order in which they are shown. */
export const PARTS = ["long", "recent", "skips", "item", "user"] as const;
export type Part = (typeof PARTS)[number];

/** All events of one person, oldest first as a rule; columns of one length. */
export interface History {
    /** The moment of the request, Unix milliseconds. An event's age is `now - time`. */
    now: number;
    /** Unix milliseconds. */
    time: Float64Array;
    action: Uint8Array;
    /** 1-based index into `categories`, 0 for unknown. */
    category: Uint32Array;
    categories: readonly string[];
    /** Title of the event's item, or its id; text, never markup. */
    title(event: number): string;
    /** Times are a person's own only where this is true; elsewhere they are simulated, and charts say so in their summary. */
    simulated: boolean;
}

/** Attention that the chosen candidate paid to one event: a weight per head; each head's weights sum to 1. */
export interface Attention {
    event: number;
    heads: readonly number[];
}

/** What attention looked at for the chosen candidate; most attention first. */
export interface Attended {
    /** Over the K events that search picked. */
    long: readonly Attention[];
    recent: readonly Attention[];
    skips: readonly Attention[];
}

/** One head by its index, or the mean of all. */
export type Head = number | "mean";

/** A stretch of time, Unix milliseconds, both ends included. */
export interface Range {
    from: number;
    to: number;
}

/** Data of a chart as a table: what a reader without the picture gets, and what is copied as CSV. */
export interface Table {
    columns: readonly string[];
    rows: readonly (readonly (string | number)[])[];
}

/** What every chart component exports beside its props (`export function` in its script, reached with `bind:this`). */
export interface Chart {
    /** The picture as it is now, in the theme that is shown. */
    toPNG(): Promise<Blob>;
    /** The same as a vector drawing. */
    toSVG(): string;
    /** The data behind it. */
    table(): Table;
    /** One or two sentences that say what the picture shows. */
    summary(): string;
}

/** `Timeline.svelte`: all events, those that search picked, recent and skips apart. */
export interface TimelineProps {
    history: History;
    attended: Attended;
    head: Head;
    /** The event that is chosen, marked. */
    selected: number | null;
    /** What is brushed, shown as a band. */
    brushed: Range | null;
    /** Events that an edit added or changed, marked as such. */
    edited?: ReadonlySet<number>;
    onselect(event: number | null): void;
    /** A stretch of time was brushed, or the brush was cleared. */
    onbrush(range: Range | null): void;
}

/** `TimeDecay.svelte`: what attention learned of age, and what it paid for this candidate. */
export interface TimeDecayProps {
    history: History;
    attended: Attended;
    head: Head;
    /** `[age bucket][head]`: bucket b holds ages of 2^(b-1) to 2^b minutes, bucket 0 less than one; null where the model has none. */
    bias: readonly (readonly number[])[] | null;
}

export type Grouping = "category" | "action" | "age";

/** `AttentionBy.svelte`: sums of long attention by category, by action or by age. */
export interface AttentionByProps {
    history: History;
    attended: Attended;
    head: Head;
    by: Grouping;
}

/** `GsuComparison.svelte`: what each search picked for the same candidate and the same history. */
export interface GsuComparisonProps {
    history: History;
    picked: Readonly<Record<Gsu, readonly Attention[]>>;
    head: Head;
    selected: number | null;
    onselect(event: number | null): void;
}

/** What one part contributed to the chosen candidate: with everything, minus without that part. */
export interface Contribution {
    part: Part;
    /** In logits of the chosen task. */
    logit: number;
    /** In probability of the chosen task, -1 to 1. */
    probability: number;
}

/** `Contributions.svelte`: bars around zero, one for each part. */
export interface ContributionsProps {
    contributions: readonly Contribution[];
    task: "click" | "save";
}

/** One ordering of candidates. `key` tells candidates apart, `title` is shown. */
export interface Ordering {
    label: string;
    ranked: readonly { key: string; title: string; score: number }[];
}

/** `Movement.svelte`: where the best candidates of one ordering stand in the other. */
export interface MovementProps {
    before: Ordering;
    after: Ordering;
    /** How many of each side's best are shown. */
    top: number;
    selected: string | null;
    onselect(key: string): void;
}
