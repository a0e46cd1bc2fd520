/** The ranker, off the page's thread. */

import init, { Ranker, decodeCapture, decodeRequest, encodeCapture } from "lookback/web";
import type { EventColumns, ExplainResponse, Item, Request } from "lookback/web";
import type { Call, Calls, Files, Model, Name, Opened, Question, Reply, Side, Subject } from "./protocol";
import { keyOf } from "./item";

const ready = init();
const rankers = new Map<Side, Ranker>();
const subjects = new Map<Side, { loaded: Subject; edited: EventColumns }>();

type Handlers = { [N in Name]: (...given: Parameters<Calls[N]>) => ReturnType<Calls[N]> | Promise<ReturnType<Calls[N]>> };

const handlers: Handlers = {
    async open(side, files, subject, lender) {
        const ranker = files ? await load(files) : null;
        try {
            const with_ = ranker ?? rankers.get(side) ?? rankers.get(lender);
            const asked = subject ?? subjects.get(side)?.loaded ?? subjects.get(lender)?.loaded;
            const opened: Opened = { model: ranker && describe(ranker), loaded: with_ && asked ? with_.rank(asked) : null };
            if (ranker) {
                rankers.get(side)?.free();
                rankers.set(side, ranker);
            }
            if (subject) subjects.set(side, { loaded: subject, edited: subject.history });
            return opened;
        } catch (error) {
            ranker?.free();
            throw error;
        }
    },
    rank(call, edited) {
        if (edited) subjects.set(call.subject, { ...known(subjects, call.subject, "request"), edited });
        return rankerOf(call.model).rank(requestOf(call));
    },
    explain(call, candidates, parts) {
        const request: Request = { ...requestOf(call), candidates: [...candidates] };
        const answer = rankerOf(call.model).explain({ request, top: candidates.length, parts: [...parts] });
        return inOrder(answer, candidates);
    },
    items: (side, items) => rankerOf(side).items(items),
    decodeCapture: (bytes) => decodeCapture(bytes) as ReturnType<Calls["decodeCapture"]>,
    decodeRequest: (bytes) => decodeRequest(bytes) as Subject,
    encodeCapture(call) {
        const request = requestOf(call);
        return encodeCapture({ request, response: rankerOf(call.model).rank(request) });
    },
};

async function load({ bundle, shard }: Files): Promise<Ranker> {
    const ranker = new Ranker();
    try {
        ranker.loadBundle(new Uint8Array(await bundle.arrayBuffer()));
        await pushShard(ranker, shard);
        return ranker;
    } catch (error) {
        ranker.free();
        throw error;
    }
}

/** Straight from the file into the module's memory, so that a large shard is there once. */
async function pushShard(ranker: Ranker, shard: Blob): Promise<void> {
    const upload = ranker.beginShard(shard.size);
    try {
        const reader = shard.stream().getReader();
        for (let read = await reader.read(); !read.done; read = await reader.read()) upload.write(read.value);
    } catch (error) {
        upload.free();
        throw error;
    }
    upload.finish();
}

function describe(ranker: Ranker): Model {
    const manifest = ranker.manifest();
    if (!manifest) throw new Error("the ranker took a bundle and has no manifest");
    return { manifest, versions: ranker.versions(), bias: ranker.attentionBias() ?? null, card: ranker.card() ?? null };
}

function requestOf(call: Call): Request {
    const { loaded, edited } = known(subjects, call.subject, "request");
    return { ...loaded, history: call.history === "loaded" ? loaded.history : edited, gsu: call.gsu, weights: call.weights };
}

const rankerOf = (side: Side): Ranker => known(rankers, side, "model");

function known<V>(map: ReadonlyMap<Side, V>, side: Side, what: string): V {
    const value = map.get(side);
    if (value === undefined) throw new Error(`no ${what} is loaded on side ${side}`);
    return value;
}

/** Explanations come best first; the page asks by candidate. Candidates that popularity answered have none. */
function inOrder(answer: ExplainResponse, candidates: readonly Item[]): ExplainResponse["explanations"] {
    const found = new Map(answer.explanations.map((explanation) => [keyOf(explanation.item), explanation]));
    return candidates.flatMap((item) => found.get(keyOf(item)) ?? []);
}

addEventListener("message", async (event: MessageEvent<Question>) => {
    const { id, name, arguments: given } = event.data;
    let reply: Reply;
    try {
        await ready;
        const started = performance.now();
        const value = await (handlers[name] as (...given: unknown[]) => unknown)(...given);
        reply = { id, value, milliseconds: performance.now() - started };
    } catch (error) {
        // Every failure goes to whoever asked; the page shows it.
        const { name: kind, message, code } = error as Error & { code?: string };
        reply = { id, error: { name: kind ?? "Error", message: message ?? String(error), code: code ?? null } };
    }
    postMessage(reply);
});

