/** Made-up data for the gallery: the same on every machine, of nobody. */

import type { Attended, Attention, Contribution, Gsu, History, Ordering } from "../contract";
import { LENGTH } from "../words";

/** Numbers from 0 to 1 that follow from a seed (mulberry32). */
function random(seed: number): () => number {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let mixed = Math.imul(state ^ (state >>> 15), state | 1);
        mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
}

const NOW = Date.UTC(2026, 4, 1, 18, 30);
const CATEGORIES = ["drama", "comedy", "science fiction", "thriller", "documentary", "animation", "film noir", "western", "musical", "war"];
/** Shares of actions by code: other, click, save, closeup, skip, hide. */
const SHARES = [0.05, 0.45, 0.12, 0.1, 0.25, 0.03];
const WORDS = ["Harbour", "Lantern", "Orchard", "Signal", "Winter", "Paper", "River", "Glass", "Copper", "Midnight", "Garden", "Station"];

const HOSTILE = '<img src=x onerror="window.hostile = true"><script>window.hostile = true</' + "script> & a title that goes on for far longer than any label has room for";

/** A person who comes and goes: bursts of events, the last ones minutes ago. */
export function history(events: number): History {
    const next = random(events);
    const time = new Float64Array(events);
    const action = new Uint8Array(events);
    const category = new Uint32Array(events);
    const years = 6 * LENGTH.YEAR;
    for (let i = 0; i < events; i += 1) {
        const burst = Math.floor(next() ** 0.7 * 60) / 60;
        time[i] = NOW - years * (1 - burst) - next() * 25 * LENGTH.DAY - 5 * LENGTH.MINUTE;
    }
    time.sort();
    for (let i = 0; i < Math.min(events, 12); i += 1) time[events - 1 - i] = NOW - 2 ** i * 4 * LENGTH.MINUTE;
    for (let i = 0; i < events; i += 1) {
        let draw = next();
        action[i] = Math.max(SHARES.findIndex((share) => (draw -= share) < 0), 0);
        category[i] = Math.floor(next() ** 1.6 * (CATEGORIES.length + 1));
    }
    const title = (event: number) => {
        if (event === events - 3) return HOSTILE;
        const word = (by: number) => WORDS[Math.floor(event / by) % WORDS.length]!;
        return `The ${word(1)} ${word(12)} (${1960 + (event % 60)})`;
    };
    return { now: NOW, time, action, category, categories: CATEGORIES, title, simulated: true };
}

const HEADS = 4;

/** Weights that each head spreads by a taste of its own; each head's sum to 1. */
function attention(events: readonly number[], next: () => number, history: History): Attention[] {
    const raw = events.map((event) => {
        const age = Math.log2(2 + (history.now - history.time[event]!) / LENGTH.MINUTE);
        return Array.from({ length: HEADS }, (_, head) => Math.exp(2.2 * next() - (head - 1) * 0.08 * age));
    });
    const sums = Array.from({ length: HEADS }, (_, head) => raw.reduce((sum, heads) => sum + heads[head]!, 0));
    const mean = (heads: readonly number[]) => heads.reduce((sum, weight) => sum + weight, 0);
    return events
        .map((event, i) => ({ event, heads: raw[i]!.map((weight, head) => weight / sums[head]!) }))
        .sort((a, b) => mean(b.heads) - mean(a.heads));
}

function sample(from: readonly number[], count: number, next: () => number): number[] {
    const left = [...from];
    const found: number[] = [];
    while (found.length < count && left.length > 0) found.push(left.splice(Math.floor(next() * left.length), 1)[0]!);
    return found;
}

function engaged(history: History): { engaged: number[]; skipped: number[] } {
    const all = Array.from({ length: history.time.length }, (_, event) => event);
    return { engaged: all.filter((event) => history.action[event]! < 4), skipped: all.filter((event) => history.action[event]! >= 4) };
}

export function attended(history: History): Attended {
    const next = random(7);
    const { engaged: kept, skipped } = engaged(history);
    return {
        long: attention(sample(kept, 50, next), next, history),
        recent: attention(kept.slice(-20), next, history),
        skips: attention(skipped.slice(-20), next, history),
    };
}

/** Searches that agree on some events, by twos on others, and go alone on the rest. */
export function picked(history: History): Record<Gsu, Attention[]> {
    const next = random(11);
    const drawn = sample(engaged(history).engaged, 100, next);
    const part = (from: number, to: number) => drawn.slice(from, to);
    const of = (events: number[]) => attention(events, next, history);
    return {
        hard: of([...part(0, 14), ...part(14, 20), ...part(55, 85)]),
        soft: of([...part(0, 14), ...part(14, 20), ...part(20, 42), ...part(85, 93)]),
        consistent: of([...part(0, 14), ...part(20, 42), ...part(42, 55), ...part(93, 94)]),
    };
}

/** `[age bucket][head]`. */
export function bias(): number[][] {
    return Array.from({ length: 26 }, (_, bucket) =>
        Array.from({ length: HEADS }, (_, head) => {
            const young = 1.6 - 0.14 * bucket * (head === 0 ? 1 : 0.45);
            return young + 0.5 * Math.sin(bucket / (2 + head)) - (head === 3 ? 0.8 * Math.exp(-((bucket - 12) ** 2) / 12) : 0);
        }),
    );
}

export const contributions: Contribution[] = [
    { part: "long", logit: 0.84, probability: 0.121 },
    { part: "recent", logit: 0.31, probability: 0.044 },
    { part: "skips", logit: -0.42, probability: -0.061 },
    { part: "item", logit: 0.12, probability: 0.016 },
    { part: "user", logit: -0.03, probability: -0.004 },
];

export function orderings(history: History): { before: Ordering; after: Ordering } {
    const next = random(3);
    const keys = Array.from({ length: 60 }, (_, i) => ({ key: String(i), title: history.title(i * 7), score: 1 - i / 70 }));
    const after = keys
        .map((one) => ({ ...one, score: one.score + (next() - 0.5) * 0.16 }))
        .sort((a, b) => b.score - a.score)
        .filter(({ key }) => key !== "4");
    return { before: { label: "soft search", ranked: keys }, after: { label: "consistent search", ranked: after } };
}
