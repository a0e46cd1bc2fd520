/** One side: a model, a request, titles, and where they came from. */

import type { Response } from "lookback/web";
import type { Client } from "../ranker/client";
import { RankerError } from "../ranker/client";
import type { Model, Side as Name, Subject } from "../ranker/protocol";
import { type Opened, openAddress } from "../load/open";
import type { Person, PeopleSet } from "../load/people";
import { Problem, quoted } from "../load/problem";
import type { Titles } from "../load/titles";
import type { Sources } from "./link";

interface File {
    name: string;
    blob: Blob;
}

export interface Asked {
    name: string;
    subject: Subject;
    expected: Response | null;
}

export class Side {
    bundle = $state.raw<File | null>(null);
    shard = $state.raw<File | null>(null);
    model = $state.raw<Model | null>(null);
    asked = $state.raw<Asked | null>(null);
    titles = $state.raw<Titles>(new Map());
    /** Keys of items that the request named otherwise than by number. */
    keys = $state.raw<Titles>(new Map());
    /** Somebody who is built in, and where from. */
    person = $state.raw<{ person: Person; set: PeopleSet } | null>(null);
    sources = $state.raw<Sources>({});

    /** The answer for the history as it was loaded. */
    loaded = $state.raw<Response | null>(null);
    readonly name: Name;
    readonly #client: Client;

    constructor(name: Name, client: Client) {
        this.name = name;
        this.#client = client;
    }

    /** Takes what was opened, all of it or nothing. `other` lends the model that is missing. */
    async take(opened: readonly Opened[], sources: Sources, other: Side | null): Promise<void> {
        const bundle = one(opened, "bundle");
        const shard = one(opened, "shard");
        const asked = one(opened, "request");
        const titles = one(opened, "titles");
        const files = { bundle: bundle ?? this.bundle ?? other?.bundle ?? null, shard: shard ?? this.shard ?? other?.shard ?? null };
        const both = (bundle || shard) && files.bundle && files.shard ? { bundle: files.bundle, shard: files.shard } : null;
        if (both || asked) {
            const { model, loaded } = await this.#open(both, asked?.subject ?? null, bundle !== null && shard !== null);
            if (model) this.model = model;
            this.loaded = loaded;
        }
        if (bundle || shard) {
            this.bundle = files.bundle;
            this.shard = files.shard;
        }
        if (asked) {
            this.asked = { name: asked.name, subject: asked.subject, expected: asked.expected };
            this.keys = asked.keys;
        }
        if (titles) this.titles = titles.titles;
        this.sources = sources;
    }

    clear(): void {
        this.bundle = this.shard = this.model = this.asked = this.person = this.loaded = null;
        this.titles = this.keys = new Map();
        this.sources = {};
    }

    async #open(files: { bundle: File; shard: File } | null, subject: Subject | null, together: boolean) {
        try {
            const blobs = files && { bundle: files.bundle.blob, shard: files.shard.blob };
            return (await this.#client.ask("open", [this.name, blobs, subject, "a"])).value;
        } catch (error) {
            if (!(error instanceof RankerError)) throw error;
            const what = files ? `${quoted(files.bundle.name)} with ${quoted(files.shard.name)}` : "The request";
            const next = error.code === "EmbeddingVersion" && !together ? " Open the bundle and its shard together." : "";
            throw new Problem(`${what}: ${error.message}.${next} What was open stays open.`);
        }
    }
}

/** Addresses of a side, all of them fetched at once. */
export async function openSources(sources: Sources, client: Client): Promise<Opened[]> {
    const addresses = [sources.bundle, sources.shard, sources.request, sources.titles].filter((address) => address !== undefined);
    return Promise.all(addresses.map((address) => openAddress(address, client)));
}

type Of<K extends Opened["kind"]> = Extract<Opened, { kind: K }> | (Opened & { kind: K });

function one<K extends Opened["kind"]>(opened: readonly Opened[], kind: K): Of<K> | null {
    const found = opened.filter((one): one is Of<K> => one.kind === kind);
    if (found.length > 1) {
        throw new Problem(`${found.map((one) => quoted(one.name)).join(" and ")} are both a ${kind}. Open one of them here, and the other under Compare.`);
    }
    return found[0] ?? null;
}
