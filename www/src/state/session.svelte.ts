/** Everything that is open and chosen; asks the ranker when it changes. */

import type { Explanation, Item, Ranked, Response, Without } from "lookback/web";
import { tick } from "svelte";
import { GSUS, type Gsu, type Head, type History, PARTS, type Range } from "../charts/contract";
import { type Opened, openFile } from "../load/open";
import { type PeopleSet, fetchPeople, findPerson } from "../load/people";
import { Problem, quoted } from "../load/problem";
import { type Client, Overtaken, RankerError } from "../ranker/client";
import { idsOf, keyOf } from "../ranker/item";
import type { Call, Side as SideName } from "../ranker/protocol";
import { type Check, check } from "./check";
import { EMPTY, type Edit, type Edited, type Log, apply, decode, encode, extend, held, redo, undo } from "./edits";
import type { Baseline, LinkState, Sort, Sources, Task, View } from "./link";
import { type Row, filtered, ranks, sorted, toRows, contribution } from "./rows";
import { Side, openSources } from "./side.svelte";

/** What one search says: the whole order, and what it picked for the chosen candidate. */
export interface Searched {
    response: Response;
    explanation: Explanation | null;
}

/** What the charts show: a history and what attention looked at in it, which belong together. */
export interface Drawn {
    edited: Edited;
    history: History;
    /** Of this candidate, with what was said of it then. */
    candidate: string;
    ranked: Ranked;
    /** Null where popularity scored the candidate. */
    explanation: Explanation | null;
}

export interface Latency {
    /** When the change was made, by the page's clock; null where nothing had been there to change. */
    since: number | null;
    /** From then to the new order on screen. */
    shown: number | null;
    /** Of it, the module. */
    module: number;
}

export const PAGE = 50;
/** Parts of all candidates are measured in the background when nobody has asked for anything for so long. */
const IDLE_MS = 400;
/** Longer histories measure only what is on screen. */
const LONG_HISTORY = 6_000;
const CHUNK = 15;

export class Session {
    readonly a: Side;
    readonly b: Side;
    people = $state.raw<readonly PeopleSet[] | null>(null);

    loading = $state<string | null>("Starting");
    problem = $state<string | null>(null);
    notice = $state<string | null>(null);

    log = $state.raw<Log>(EMPTY);
    gsu = $state<Gsu>("consistent");
    weights = $state.raw({ click: 1, save: 1 });
    candidate = $state<string | null>(null);
    task = $state<Task>("click");
    head = $state<Head>("mean");
    view = $state<View>("attention");
    against = $state<Baseline>("loaded");
    brushed = $state.raw<Range | null>(null);
    event = $state<number | null>(null);
    sort = $state<Sort>("rank");
    descending = $state(false);
    filter = $state("");
    page = $state(0);

    response = $state.raw<Response | null>(null);
    /** What the movement is measured against; null for nothing. */
    baselineResponse = $state.raw<Response | null>(null);
    drawn = $state.raw<Drawn | null>(null);
    without = $state.raw<ReadonlyMap<string, readonly Without[]>>(new Map());
    searched = $state.raw<Readonly<Record<Gsu, Searched>> | null>(null);
    other = $state.raw<Searched | null>(null);
    check = $state.raw<Check | null>(null);
    latency = $state.raw<Latency | null>(null);
    ranking = $state(false);

    edited = $derived.by((): Edited | null => (this.a.asked ? apply(this.a.asked.subject.history, held(this.log)) : null));
    baseline = $derived(this.baselineResponse && ranks(this.baselineResponse.ranked));
    rows = $derived.by((): Row[] => (this.response ? toRows(this.response.ranked, this, this.baseline) : []));
    shown = $derived(sorted(filtered(this.rows, this.filter), this.sort, this.descending, (row, part) => contribution(row.ranked, this.without.get(row.key), part, this.task)?.logit ?? null));
    pages = $derived(Math.max(1, Math.ceil(this.shown.length / PAGE)));
    visible = $derived(this.shown.slice(Math.min(this.page, this.pages - 1) * PAGE, (Math.min(this.page, this.pages - 1) + 1) * PAGE));
    chosen = $derived(this.rows.find((row) => row.key === this.candidate) ?? null);
    comparing = $derived.by(() => this.b.model !== null || this.b.asked !== null);

    #categories: Record<SideName, Map<string, number>> = { a: new Map(), b: new Map() };
    #generation = 0;
    #background: ReturnType<typeof setTimeout> | undefined;
    /** The edited history that the worker has. */
    #sent: Edited["columns"] | null = null;

    readonly client: Client;

    constructor(client: Client) {
        this.client = client;
        this.a = new Side("a", client);
        this.b = new Side("b", client);
    }

    // ── Opening ────────────────────────────────────────────────────────────────

    /** The built-in people, then what the address names. */
    async start(link: LinkState, unread: readonly string[]): Promise<void> {
        await this.#busy("Starting", async () => {
            this.people = await fetchPeople();
            if (unread.length > 0) this.notice = `The link says something this page does not know: ${unread.join(", ")}. The rest of it holds.`;
            await this.#openSide(this.a, link.a);
            if (this.a.model && this.a.asked) await this.#begin(link);
            await this.#openSide(this.b, link.b);
            const files = [...(link.a.files ?? []), ...(link.b.files ?? [])];
            if (files.length > 0) this.notice = `The link was made with files that it cannot hold: ${files.map((file) => quoted(file)).join(", ")}. Open them again to see what it shows.`;
        });
        this.#pending = this.response ? null : link;
        if (this.comparing) await this.refresh(null);
    }

    #pending: LinkState | null = null;

    async openPerson(id: string, side: SideName = "a"): Promise<void> {
        const done = await this.#busy("Fetching the person", async () => {
            await this.#openSide(this[side], { person: id });
            if (side === "a") await this.#begin(null);
        });
        if (done && side === "b") await this.refresh(null);
    }

    /** Files from the picker or dropped. Two captures, or two bundles, are two sides. */
    async openFiles(files: readonly File[], side: SideName = "a"): Promise<void> {
        if (files.length === 0) return;
        const done = await this.#busy(files.length === 1 ? `Opening ${files[0]?.name}` : `Opening ${files.length} files`, async () => {
            const opened: Opened[] = [];
            // One after the other: the first that is refused ends it, and nothing has changed.
            for (const file of files) opened.push(await openFile(file, file.name, this.client));
            const [first, second] = side === "a" ? split(opened) : [opened, []];
            const here = this[side];
            const names = (part: readonly Opened[]) => ({ files: part.map((one) => one.name) });
            const lender = side === "b" ? this.a : null;
            await here.take(first, merged(here.sources, first, names(first)), lender);
            if (first.some((one) => one.kind === "request")) here.person = null;
            if (side === "a" && here.model && here.asked) await this.#begin(this.#pending);
            if (second.length > 0) await this.b.take(second, names(second), this.a);
        });
        if (done && this.response) await this.refresh(null);
    }

    async openAddresses(sources: Sources, side: SideName = "a"): Promise<void> {
        const done = await this.#busy("Fetching", async () => {
            await this.#openSide(this[side], sources);
            if (side === "a" && this.a.model && this.a.asked) await this.#begin(this.#pending);
        });
        if (done && side === "b") await this.refresh(null);
    }

    closeOther(): void {
        this.b.clear();
        this.other = null;
        if (this.against === "other") this.against = "loaded";
        this.refresh();
    }

    async #openSide(side: Side, sources: Sources): Promise<void> {
        const { person, bundle, shard, request, titles } = sources;
        if (person !== undefined) {
            const found = findPerson(this.people ?? [], person);
            if (!found) throw new Problem(`Nobody called ${quoted(person)} comes with this page. Choose somebody from the list.`);
            const { set } = found;
            await side.take(await openSources({ bundle: set.bundle, shard: set.shard, request: found.person.capture, titles: set.titles }, this.client), sources, null);
            side.person = found;
        } else if (bundle ?? shard ?? request ?? titles) {
            await side.take(await openSources(sources, this.client), sources, side === this.b ? this.a : null);
            if (request) side.person = null;
        }
    }

    /** A new person or model: everything that was chosen for the last one goes, and what a link says holds. */
    async #begin(link: LinkState | null): Promise<void> {
        const { model, asked, loaded } = this.a;
        if (!model || !asked) return;
        this.#pending = null;
        const { subject } = asked;
        this.gsu = link?.gsu ?? subject.gsu ?? model.manifest.default_gsu;
        this.weights = link?.weights ?? subject.weights ?? { click: 1, save: 1 };
        this.candidate = link?.candidate ?? null;
        this.against = link?.against ?? "loaded";
        this.brushed = link?.brushed ?? null;
        this.event = link?.event ?? null;
        this.filter = link?.filter ?? "";
        this.sort = link?.sort ?? "rank";
        this.descending = link?.descending ?? false;
        this.page = link?.page ?? 0;
        this.head = link?.head ?? "mean";
        this.task = link?.task ?? "click";
        this.view = link?.view ?? this.view;
        this.log = EMPTY;
        this.response = this.baselineResponse = this.drawn = this.searched = this.other = this.check = this.latency = null;
        this.without = new Map();
        this.#categories = { a: new Map(), b: new Map() };
        if (typeof this.head === "number" && this.head >= model.manifest.heads) this.head = "mean";
        if (link?.edits) {
            const edits = decode(link.edits, subject.history.time.length);
            if (edits) this.log = { edits, done: edits.length };
            else this.notice = "The link's edits do not fit this history and were left out.";
        }
        this.#sent = null;
        await this.#learnCategories("a", [subject.history.item, idsOf(subject.candidates), this.edited!.columns.item]);
        if (!loaded) throw new Error("a model and a request are open, and nothing was ranked");
        if (asked.expected) this.check = check(asked.expected, loaded);
        await this.refresh(null);
    }

    // ── What is chosen ─────────────────────────────────────────────────────────

    edit(edit: Edit): void {
        this.#history(extend(this.log, edit));
    }
    undo(): void {
        this.#history(undo(this.log));
    }
    redo(): void {
        this.#history(redo(this.log));
    }
    reset(): void {
        this.#history(EMPTY);
        const { model, asked } = this.a;
        this.weights = asked?.subject.weights ?? { click: 1, save: 1 };
        if (model) this.gsu = asked?.subject.gsu ?? model.manifest.default_gsu;
        this.refresh();
    }
    setGsu(gsu: Gsu): void {
        this.gsu = gsu;
        this.refresh();
    }
    setWeights(weights: { click: number; save: number }): void {
        if (!(weights.click >= 0 && weights.save >= 0 && weights.click + weights.save > 0)) {
            this.problem = "The two weights cannot both be 0: then nothing would have an order. Raise one of them.";
            return;
        }
        this.weights = weights;
        this.refresh();
    }
    setAgainst(against: Baseline): void {
        this.against = against;
        this.refresh();
    }
    choose(key: string): void {
        this.candidate = key;
        this.event = null;
        this.#follow(this.#generation);
    }
    setView(view: View): void {
        this.view = view;
        this.#follow(this.#generation);
    }

    /** What differs from the request as it was loaded. */
    changed = $derived.by(() => {
        const { model, asked } = this.a;
        if (!model || !asked) return false;
        const weights = asked.subject.weights ?? { click: 1, save: 1 };
        return this.log.done > 0 || this.gsu !== (asked.subject.gsu ?? model.manifest.default_gsu) || this.weights.click !== weights.click || this.weights.save !== weights.save;
    });

    #history(log: Log): void {
        this.log = log;
        this.refresh();
    }

    // ── Asking the ranker ──────────────────────────────────────────────────────

    /** Ranks anew; what still waits for an older state is dropped. */
    async refresh(since: number | null = performance.now()): Promise<void> {
        if (!this.a.model || !this.a.asked) return;
        const generation = ++this.#generation;
        for (const channel of ["rank", "baseline", "explain", "searches", "other", "parts"]) this.client.drop(channel);
        clearTimeout(this.#background);
        this.ranking = true;
        await this.#quietly(
            (async () => {
                const { columns } = this.edited!;
                // With the question, so that the ranker is at work while the page draws the edit.
                const fresh = columns === this.#sent ? null : columns;
                const { value, milliseconds } = await this.client.ask("rank", [this.#call(), fresh], { channel: "rank", urgency: 3 });
                this.#sent = columns;
                if (generation !== this.#generation) return;
                this.response = value;
                this.without = new Map();
                this.searched = null;
                this.problem = null;
                this.ranking = false;
                if (this.against === "loaded") this.baselineResponse = this.a.loaded;
                if (this.against === "nothing") this.baselineResponse = null;
                if (!this.rows.some((row) => row.key === this.candidate)) this.candidate = this.rows[0]?.key ?? null;
                await tick();
                requestAnimationFrame(() => {
                    if (generation === this.#generation) this.latency = { since, shown: since === null ? null : performance.now() - since, module: milliseconds };
                });
                await this.#follow(generation);
            })(),
        );
    }

    /** What follows from an order: the baseline, the explanation of the chosen candidate, what the view needs, the parts. */
    async #follow(generation: number): Promise<void> {
        clearTimeout(this.#background);
        for (const channel of ["explain", "searches", "other", "parts"]) this.client.drop(channel);
        const current = () => generation === this.#generation;
        await this.#quietly(
            (async () => {
                await this.#explain(current);
                await this.#measureBaseline(current);
                if (this.comparing && current()) await this.#askOther(current);
                if (this.view === "searches" && current()) await this.#search(current);
                if (current()) this.#background = setTimeout(() => void this.#quietly(this.#measureParts(current)), IDLE_MS);
            })(),
        );
    }

    async #measureBaseline(current: () => boolean): Promise<void> {
        const against = this.against;
        if (against === "nothing" || against === "loaded" || (against === "other" && !this.comparing)) return;
        const call = against === "other" ? this.#otherCall() : { ...this.#call(), gsu: against };
        const { value } = await this.client.ask("rank", [call, null], { channel: "baseline", urgency: 1 });
        if (current() && this.against === against) this.baselineResponse = value;
    }

    async #explain(current: () => boolean): Promise<void> {
        const row = this.chosen;
        const edited = this.edited;
        if (!row || !edited) return;
        const { value } = await this.client.ask("explain", [this.#call(), [row.item], PARTS], { channel: "explain", urgency: 2 });
        if (!current() || this.candidate !== row.key) return;
        // What was selected named events of the history that goes; the order on screen does not wait for this.
        if (this.drawn && this.drawn.edited !== edited) {
            this.brushed = null;
            this.event = null;
        }
        const history = this.drawn?.edited === edited ? this.drawn.history : this.historyOf("a", edited);
        this.drawn = { edited, history, candidate: row.key, ranked: row.ranked, explanation: value[0] ?? null };
        if (value[0]) this.without = new Map(this.without).set(row.key, value[0].without);
    }

    async #askOther(current: () => boolean): Promise<void> {
        const call = this.#otherCall();
        const ask = { channel: "other", urgency: 1 };
        const { value: response } = await this.client.ask("rank", [call, null], ask);
        if (this.b.model) await this.#learnCategories("b", [this.#historyItems(), idsOf(response.ranked.map((one) => one.item))]);
        else if (this.b.asked) await this.#learnCategories("a", [this.b.asked.subject.history.item, idsOf(this.b.asked.subject.candidates)]);
        // A candidate's scores do not depend on the others, so it may be asked about where it was no candidate.
        const item = this.chosen?.item;
        const explanation = item === undefined ? null : ((await this.client.ask("explain", [call, [item], []], ask)).value[0] ?? null);
        if (current()) this.other = { response, explanation };
    }

    #historyItems(): BigUint64Array {
        return this.b.asked ? this.b.asked.subject.history.item : this.edited!.columns.item;
    }

    async #search(current: () => boolean): Promise<void> {
        const row = this.chosen;
        if (!row) return;
        const one = async (gsu: Gsu): Promise<[Gsu, Searched]> => {
            const call = { ...this.#call(), gsu };
            const response = this.searched?.[gsu].response ?? (await this.client.ask("rank", [call, null], { urgency: 1 })).value;
            const { value } = await this.client.ask("explain", [call, [row.item], []], { urgency: 1 });
            return [gsu, { response, explanation: value[0] ?? null }];
        };
        const all = await Promise.all(GSUS.map(one));
        if (current() && this.candidate === row.key) this.searched = Object.fromEntries(all) as Record<Gsu, Searched>;
    }

    async #measureParts(current: () => boolean): Promise<void> {
        const long = this.edited!.columns.time.length > LONG_HISTORY;
        for (;;) {
            const wanted = [...this.visible, ...(long ? [] : this.rows)].filter((row) => row.ranked.logits && !this.without.has(row.key));
            const chunk: Item[] = [...new Set(wanted)].slice(0, long ? 10 : CHUNK).map((row) => row.item);
            if (chunk.length === 0) return;
            const { value } = await this.client.ask("explain", [this.#call(), chunk, PARTS], { channel: "parts" });
            if (!current()) return;
            const measured = new Map(this.without);
            for (const explanation of value) measured.set(keyOf(explanation.item), explanation.without);
            if (value.length === 0) throw new Error("the ranker explained no candidate that its model had scored");
            this.without = measured;
        }
    }

    /** Pages that were not on screen yet are measured when they are. */
    turned(): void {
        clearTimeout(this.#background);
        const generation = this.#generation;
        this.#background = setTimeout(() => void this.#quietly(this.#measureParts(() => generation === this.#generation)), IDLE_MS);
    }

    #call(): Call {
        return { model: "a", subject: "a", history: "edited", gsu: this.gsu, weights: this.weights };
    }

    #otherCall(): Call {
        const { model, asked } = this.b;
        return { ...this.#call(), model: model ? "b" : "a", subject: asked ? "b" : "a", history: asked ? "loaded" : "edited" };
    }

    // ── Names ──────────────────────────────────────────────────────────────────

    title(key: string): string {
        return this.a.titles.get(key) ?? this.b.titles.get(key) ?? this.a.keys.get(key) ?? this.b.keys.get(key) ?? key;
    }

    category(key: string, side: SideName = "a"): string {
        const index = this.#categories[side].get(key) ?? 0;
        return this.#modelOf(side).manifest.categories[index - 1] ?? "unknown category";
    }

    historyOf(side: SideName, edited: Pick<Edited, "columns">): History {
        const { columns } = edited;
        const categories = this.#categories[this.b.model === null ? "a" : side];
        const asked = (side === "b" ? this.b.asked : null) ?? this.a.asked!;
        return {
            now: asked.subject.now,
            time: columns.time,
            action: columns.action,
            category: Uint32Array.from(columns.item, (item) => categories.get(item.toString()) ?? 0),
            categories: this.#modelOf(side).manifest.categories,
            title: (event) => this.title(String(columns.item[event])),
            simulated: this[side].person?.set.simulated ?? false,
        };
    }

    #modelOf(side: SideName) {
        const model = (side === "b" ? this.b.model : null) ?? this.a.model;
        if (!model) throw new Error("no model is loaded");
        return model;
    }

    async #learnCategories(side: SideName, columns: readonly BigUint64Array[]): Promise<void> {
        const known = this.#categories[side];
        const items = new Set<bigint>();
        for (const column of columns) for (const item of column) if (!known.has(item.toString())) items.add(item);
        const asked = BigUint64Array.from(items);
        const { value } = await this.client.ask("items", [side, asked]);
        asked.forEach((item, at) => known.set(item.toString(), value.category[at]!));
        for (const inline of this[side].asked?.subject.items ?? []) known.set(keyOf(inline.item), inline.category);
    }

    /** The request as it is now, edits included, with its answer, encoded. */
    async capture(): Promise<Blob> {
        const { value } = await this.client.ask("encodeCapture", [this.#call()]);
        return new Blob([value as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" });
    }

    /** Adds an event; its category is asked for first. */
    async add(item: bigint, action: number, time: number): Promise<void> {
        await this.#quietly(this.#learnCategories("a", [BigUint64Array.of(item)]));
        this.edit({ kind: "add", item, action, time });
    }

    // ── The link, and what goes wrong ──────────────────────────────────────────

    link(): LinkState {
        const state: LinkState = {
            a: this.a.sources, b: this.b.sources, gsu: this.gsu, weights: this.weights, against: this.against, head: this.head,
            task: this.task, view: this.view, sort: this.sort, descending: this.descending, filter: this.filter, page: this.page,
            edits: encode(held(this.log)),
        };
        if (this.candidate !== null) state.candidate = this.candidate;
        if (this.brushed) state.brushed = { from: Math.round(this.brushed.from), to: Math.round(this.brushed.to) };
        if (this.event !== null) state.event = this.event;
        return state;
    }

    /** Returns whether it was done; otherwise the problem is shown. */
    async #busy(what: string, work: () => Promise<void>): Promise<boolean> {
        this.loading = what;
        this.problem = this.notice = null;
        const done = await this.#quietly(work());
        this.loading = null;
        return done;
    }

    /** Problems and refusals are shown; what was overtaken is no error; anything else is a mistake of this page and stays loud. */
    async #quietly(work: Promise<unknown>): Promise<boolean> {
        try {
            await work;
            return true;
        } catch (error) {
            if (error instanceof Overtaken) return false;
            this.loading = null;
            this.ranking = false;
            if (error instanceof Problem || error instanceof RankerError) this.problem = error.message;
            else {
                this.problem = `This page made a mistake: ${error instanceof Error ? error.message : String(error)}. Reload it; the link keeps what you see.`;
                throw error;
            }
            return false;
        }
    }
}

/** Two requests or two bundles that come together are two sides: the first of each here, the second there. */
function split(opened: readonly Opened[]): [Opened[], Opened[]] {
    const first: Opened[] = [];
    const second: Opened[] = [];
    for (const one of opened) (first.some((other) => other.kind === one.kind) ? second : first).push(one);
    return [first, second];
}

/** Names of files replace the address, or the person, that they take the place of. */
function merged(before: Sources, opened: readonly Opened[], now: Sources): Sources {
    const sources: Sources = { ...before, files: [...new Set([...(before.files ?? []), ...(now.files ?? [])])] };
    if (opened.some((one) => one.kind !== "titles")) delete sources.person;
    for (const { kind } of opened) delete sources[kind];
    return sources;
}
