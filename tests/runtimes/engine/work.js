// What every JavaScript engine does, by the package's entry for the web: starts against the clock, answers every question.

import { Ranker, initSync } from 'lookback/web';

/** Takes how to get a file, how to compile, and whether to answer questions after the start. */
export async function work({ get, compile, answering }) {
  const index = JSON.parse(new TextDecoder().decode(await get('questions/engines.json')));
  const read = (name) => get(`questions/${name}`);
  const times = await start(index.timed, { wasm: await get('package.wasm'), read, compile });
  const answers = answering ? await answer(index.cases, read) : [];
  return { times, answers };
}

/** In milliseconds, from the module's bytes to a first answer, and what later ones take. */
async function start({ bundle, shard, request, later }, { wasm, read, compile }) {
  const [bundleBytes, shardBytes, question] = await Promise.all([bundle, shard, request].map(read));
  const times = {};
  const timed = async (name, step) => {
    const started = performance.now();
    const made = await step();
    times[name] = performance.now() - started;
    return made;
  };
  const module = await timed('compile', () => compile(wasm));
  await timed('instantiate', () => initSync(module));
  const ranker = new Ranker();
  await timed('load_bundle', () => ranker.loadBundle(bundleBytes));
  await timed('load_shard', () => ranker.pushShard(shardBytes));
  await timed('first_rank', () => ranker.rankBytes(question));
  const all = [];
  for (let i = 0; i < later; i++) {
    const started = performance.now();
    ranker.rankBytes(question);
    all.push(performance.now() - started);
  }
  times.later_rank = all.sort((a, b) => a - b)[later >> 1];
  ranker.free();
  return times;
}

/** Where each answer first differs from wasmtime's; null where it does not. */
async function answer(cases, read) {
  const answers = [];
  for (const { model, bundle, shard, questions } of cases) {
    const ranker = new Ranker();
    ranker.loadBundle(await read(bundle));
    ranker.pushShard(await read(shard));
    for (const { name, call, request, response } of questions) {
      const got = call === 'rank' ? ranker.rankBytes(await read(request)) : ranker.explainBytes(await read(request));
      answers.push({ model, name, call, difference: difference(got, await read(response)) });
    }
    ranker.free();
  }
  return answers;
}

export function difference(got, expected) {
  const length = Math.max(got.length, expected.length);
  for (let at = 0; at < length; at++) {
    if (got[at] !== expected[at]) return `byte ${at} is ${got[at]}, not ${expected[at]}`;
  }
  return null;
}
