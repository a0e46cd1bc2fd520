// The ordinary graph in onnxruntime-web, WebAssembly with SIMD, one thread: node onnxruntime-web.mjs GRAPHS

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import { serve } from './worker.mjs';

/** Candidates are run in chunks, so that their scores of all events are no larger than this. */
const SCORE_BYTES = 512 * 1024 * 1024;
/** Smaller chunks are tried while a try takes less than this (nanoseconds). */
const TRY_TIME = 2e9;

const [graphs] = process.argv.slice(2);
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const sessions = new Map();
async function session(name) {
  if (!sessions.has(name)) {
    const options = {
      executionProviders: ['wasm'],
      graphOptimizationLevel: 'all',
      extra: { session: { set_denormal_as_zero: '1' } },
    };
    sessions.set(name, await ort.InferenceSession.create(readFileSync(join(graphs, `${name}.onnx`)), options));
  }
  return sessions.get(name);
}

/** Forgets the sessions of other searches: they hold memory. */
async function only(search) {
  for (const [name, one] of sessions) {
    if (!name.startsWith(search)) {
      await one.release();
      sessions.delete(name);
    }
  }
}

const tensor = (kind, values, shape) => new ort.Tensor(kind, values, shape);

/** The candidates' tensors, a chunk at a time. */
function chunks(tensors, count, size) {
  const parts = [];
  for (let from = 0; from < count; from += size) {
    const until = Math.min(from + size, count);
    const part = {};
    for (const { name, kind, shape, values } of tensors) {
      const row = values.length / count;
      part[name] = tensor(kind, values.slice(from * row, until * row), [until - from, ...shape.slice(1)]);
    }
    parts.push(part);
  }
  return parts;
}

let logits;
async function whole(search, inputs) {
  const one = await session(search);
  return async () => {
    const started = process.hrtime.bigint();
    const output = await one.run(inputs, ['logit']);
    const values = output.logit.data;
    const time = process.hrtime.bigint() - started;
    logits = Float32Array.from(values);
    return time;
  };
}

async function divided(search, shared, parts) {
  const [first, second] = [await session(`${search}-events`), await session(`${search}-candidates`)];
  const feeds = Object.fromEntries(first.inputNames.map((name) => [name, shared[name]]));
  return async () => {
    const started = process.hrtime.bigint();
    const computed = { ...shared, ...(await first.run(feeds)) };
    const outputs = [];
    for (const part of parts) {
      const all = { ...computed, ...part };
      const output = await second.run(Object.fromEntries(second.inputNames.map((name) => [name, all[name]])), ['logit']);
      outputs.push(...output.logit.data);
    }
    const time = process.hrtime.bigint() - started;
    logits = Float32Array.from(outputs);
    return time;
  };
}

let run;
await serve({
  async prepare(fixture, search) {
    await only(search);
    const tensors = fixture.values();
    const isCandidate = ({ name }) => name.startsWith('candidate_');
    const made = ({ name, kind, values, shape }) => [name, tensor(kind, values, shape)];
    const [own, rest] = [tensors.filter(isCandidate), tensors.filter((one) => !isCandidate(one))];
    const shared = Object.fromEntries(rest.map(made));
    const most = Math.max(1, Math.floor(SCORE_BYTES / (4 * fixture.events)));
    const { candidates } = fixture;
    const options = [];
    if (candidates <= most) {
      options.push([undefined, () => whole(search, { ...shared, ...Object.fromEntries(own.map(made)) })]);
    }
    for (let size = Math.min(most, candidates >> 1); size >= 100 && options.length < 3; size >>= 1) {
      options.push([size, () => divided(search, shared, chunks(own, candidates, size))]);
    }
    let best;
    for (const [chunk, make] of options) {
      const one = await make();
      // Functions are compiled at their first call, which takes longer than most requests.
      await one();
      const time = await one();
      if (best === undefined || time < best.time) best = { chunk, time, one };
      if (Number(time) > TRY_TIME) break;
    }
    run = best.one;
    return best.chunk;
  },
  run: () => run(),
  logits: () => logits,
});
