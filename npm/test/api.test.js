// What the package does in Node, beside what it does in a browser (browser.rs).

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import vm from 'node:vm';
import { madeUp, models, packed, vectors } from './places.js';

const { Ranker, LookbackError, decodeResponse, encodeRequest, memoryBytes } = await import(
  pathToFileURL(join(packed, 'node.js'))
);
const madeUpFile = (name) => readFileSync(join(madeUp, name));
const DAY = 86_400_000;
const NOW = 1_700_000_000_000;
const ACTIONS = ['save', 'click', 'skip', 'closeup', 'other', 'hide'];

let ranker;
before(() => {
  ranker = new Ranker();
  ranker.loadBundle(madeUpFile('bundle.lbb'));
  ranker.pushShard(madeUpFile('shard.lbs'));
});

const event = (i, of) => ({ item: ((i * 7) % 300 + 1) * 3, action: ACTIONS[i % 6], time: NOW - (of - i) * DAY });
const request = (events, candidates) => ({
  now: NOW,
  history: Array.from({ length: events }, (_, i) => event(i, events)),
  candidates: Array.from({ length: candidates }, (_, i) => ((i * 11) % 300 + 1) * 3),
  surface: 'home',
});
const code = (expected) => (error) => error instanceof LookbackError && error instanceof Error && error.code === expected;

test('the conformance vectors are answered to the byte', () => {
  const names = readdirSync(vectors).filter((name) => name.endsWith('.request'));
  assert.ok(names.length >= 10);
  for (const name of names) {
    const answer = ranker.explainBytes(readFileSync(join(vectors, name)));
    assert.ok(readFileSync(join(vectors, name.replace('.request', '.response'))).equals(answer), name);
  }
});

test('a history as columns is the history as objects', () => {
  const objects = request(2000, 40);
  const columns = {
    ...objects,
    history: {
      item: BigUint64Array.from(objects.history, ({ item }) => BigInt(item)),
      action: Uint8Array.from(objects.history, ({ action }) => ['other', 'click', 'save', 'closeup', 'skip', 'hide'].indexOf(action)),
      time: Float64Array.from(objects.history, ({ time }) => time),
    },
    candidates: BigUint64Array.from(objects.candidates, BigInt),
  };
  assert.deepEqual(encodeRequest(columns), encodeRequest(objects));
  assert.deepEqual(ranker.rank(columns), ranker.rank(objects));
  assert.deepEqual(ranker.rank(objects), decodeResponse(ranker.rankBytes(encodeRequest(objects))));
});

test('explanations name events by their place in the history, and parts in the order asked for', () => {
  const parts = ['user', 'long', 'recent', 'skips', 'item'];
  const asked = request(100, 20);
  const { response, explanations } = ranker.explain({ request: asked, top: 2, parts });
  assert.deepEqual(response, ranker.rank(asked));
  assert.deepEqual(explanations.map(({ item }) => item), response.ranked.slice(0, 2).map(({ item }) => item));
  for (const { long, skips, without } of explanations) {
    assert.deepEqual(without.map(({ part }) => part), parts);
    const heads = long.reduce((sum, { heads }) => sum + heads[0], 0);
    assert.ok(Math.abs(heads - 1) < 1e-4, `${heads}`);
    for (const { event } of skips) assert.ok(['skip', 'hide'].includes(asked.history[event].action));
  }
});

test('what is refused leaves what was loaded', () => {
  const before = ranker.rank(request(50, 10));
  assert.throws(() => ranker.loadBundle(readFileSync(join(models, 'ml-100k/bundle.lbb'))), code('EmbeddingVersion'));
  assert.throws(() => ranker.pushShard(readFileSync(join(models, 'ml-100k/shard.lbs'))), code('EmbeddingVersion'));
  assert.throws(() => ranker.pushShard(madeUpFile('shard.lbs').subarray(0, 500)), code('BadShard'));
  assert.throws(() => ranker.applyDelta(madeUpFile('shard.lbs')), code('BadDelta'));
  assert.deepEqual(ranker.rank(request(50, 10)), before);
});

test('a new version replaces the old between two requests', () => {
  const load = (folder) => {
    const next = new Ranker();
    next.loadBundle(readFileSync(join(folder, 'bundle.lbb')));
    next.pushShard(readFileSync(join(folder, 'shard.lbs')));
    return next;
  };
  let serving = load(madeUp);
  const names = [];
  for (const model of ['ml-100k', 'simulated']) {
    names.push(serving.rank(request(10, 5)).model);
    const old = serving;
    serving = load(join(models, model));
    old.free();
  }
  names.push(serving.rank(request(10, 5)).model);
  assert.deepEqual(names, ['made-up', 'ml-100k', 'simulated']);
  serving.free();
});

test('bytes of another realm, of a Buffer and of a part of a buffer are bytes', () => {
  const shard = madeUpFile('shard.lbs');
  const foreign = vm.runInNewContext('Uint8Array.from(bytes)', { bytes: [...shard] });
  assert.ok(!(foreign instanceof Uint8Array));
  const { buffer } = Uint8Array.from([0, 0, 0, ...shard]);
  for (const bytes of [shard, foreign, new Uint8Array(buffer, 3), new Uint8Array(shard).buffer]) ranker.pushShard(bytes);
  assert.throws(() => ranker.pushShard(new Float32Array(4)), code('BadShard'));
});

test('typed arrays of another realm are typed arrays', () => {
  const asked = vm.runInNewContext(
    `({
      now: ${NOW},
      history: { item: BigUint64Array.of(3n), action: Uint8Array.of(2), time: Float64Array.of(${NOW - DAY}) },
      candidates: BigUint64Array.of(6n, 5n),
      items: [{ item: 5, category: 1, embedding: new Float32Array(8), features: [0, 0] }],
    })`,
  );
  assert.deepEqual(ranker.rank(asked).ranked.map(({ source }) => source), ['model', 'model']);
});

test('errors have a name, a code, a message and a stack', () => {
  const error = (() => {
    try {
      ranker.rank({ now: NOW, candidates: [], histroy: [] });
    } catch (error) {
      return error;
    }
  })();
  assert.equal(`${error}`, `LookbackError: ${error.message}`);
  assert.equal(error.code, 'BadRequest');
  assert.match(error.message, /`histroy`/);
  assert.match(error.stack, /api\.test\.js/);
});

test('what is too large is refused before it is copied', () => {
  const events = 200_000_000;
  const history = { item: new BigUint64Array(events), action: new Uint8Array(events), time: new Float64Array(events) };
  assert.throws(() => ranker.rank({ now: NOW, candidates: [3], history }), code('BadRequest'));
  assert.throws(() => ranker.rank({ now: NOW, candidates: new BigUint64Array(10_001) }), code('BadRequest'));
  assert.throws(() => ranker.beginShard(2 ** 32), code('BadRequest'));
  assert.throws(() => ranker.items(new BigUint64Array(500_000_000)), code('OutOfMemory'));
});

test('memory does not grow with the number of requests', () => {
  const asked = request(1000, 100);
  for (let i = 0; i < 5; i++) ranker.rank(asked);
  const size = memoryBytes();
  for (let i = 0; i < 100; i++) ranker.explain({ request: asked, top: 3, parts: ['long'] });
  for (let i = 0; i < 20; i++) ranker.pushShard(madeUpFile('shard.lbs'));
  for (let i = 0; i < 20; i++) new Ranker().free();
  assert.ok(memoryBytes() <= size + 2 ** 20, `${size} to ${memoryBytes()}`);
});

test('a ranker that was freed throws an Error', () => {
  const one = new Ranker();
  one.free();
  assert.throws(() => one.versions(), Error);
  const two = new Ranker();
  const upload = two.beginShard(8);
  two.free();
  upload.write(new Uint8Array(8));
  assert.throws(() => upload.finish(), code('BadShard'));
});
