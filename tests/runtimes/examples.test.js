// The examples, each in its real runtime, asked over HTTP.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { read } from './places.js';
import { within } from './processes.js';
import { LOOK_EVERY, services } from './services.js';
import { Store, asked, release } from './store.js';

/** What a Worker may use, in bytes. */
const WORKER_MEMORY = 128e6;

for (const [runtime, start] of Object.entries(services)) {
  describe(runtime, { timeout: 300_000 }, () => {
    const store = new Store();
    let service;

    before(async () => {
      store.publish('recorded');
      service = await start(store.folder);
    });
    after(async () => {
      await service?.close();
      store.remove();
    });

    const post = (body) => fetch(`${service.url}/rank`, { method: 'POST', body });
    const health = async () => (await fetch(`${service.url}/health`)).json();

    async function rank(request) {
      const response = await post(JSON.stringify(request));
      const body = await response.json();
      assert.equal(response.status, 200, JSON.stringify(body));
      return body;
    }

    /** Everybody asks at once, and is answered as wasmtime answers. */
    async function answersAs(name) {
      const questions = asked(name);
      const answers = await Promise.all(questions.map(({ request }) => rank(request)));
      answers.forEach((answer, i) => assert.deepEqual(answer, questions[i].response));
    }

    async function until(what, condition) {
      const met = (async () => {
        while (!condition(await health())) await sleep(LOOK_EVERY / 4);
      })();
      await within(60, met, () => `${what}: not within 60 s\n${service.child.said}`);
    }

    const shardOf = (name) => asked(name)[0].response.shard_hash;

    async function publish(name) {
      store.publish(name);
      await until(name, ({ versions, error }) => versions?.shard_hash === shardOf(name) && !error);
    }

    test('answers the recorded questions with the recorded scores', async () => {
      await answersAs('recorded');
    });

    const [{ request: sound }] = asked('recorded');
    const bad = {
      'broken JSON': ['{"now": 1,', 400, 'BadMessage', /JSON/],
      'no body': [undefined, 400, 'BadMessage', /JSON/],
      'bytes that are no UTF-8': [Uint8Array.of(0x22, 0xff, 0xfe, 0x22), 400, 'BadMessage', /UTF-8/],
      'NaN, which JSON lacks': [`{"now": NaN, "candidates": [3]}`, 400, 'BadMessage', /JSON/],
      null: ['null', 400, 'BadRequest', /./],
      'a list': ['[]', 400, 'BadRequest', /./],
      'a misspelt field': [{ ...sound, histroy: [] }, 400, 'BadRequest', /histroy/],
      'no candidates': [{ now: 1 }, 400, 'BadRequest', /candidates/],
      'candidates of another kind': [{ now: 1, candidates: '3' }, 400, 'BadRequest', /candidates/],
      'a negative item': [{ ...sound, candidates: [-3] }, 400, 'BadRequest', /-3/],
      'an item with a fraction': [{ ...sound, candidates: [1.5] }, 400, 'BadRequest', /1\.5/],
      'an item that no number holds': [
        `{"now": 1, "candidates": [12345678901234567890]}`,
        400,
        'BadRequest',
        /12345678901234567000|1.2345678901234567e/,
      ],
      'an item beyond 64 bits': [
        { now: 1, candidates: ['18446744073709551616'] },
        400,
        'BadRequest',
        /18446744073709551616/,
      ],
      'a null event': [{ ...sound, history: [null] }, 400, 'BadRequest', /history/],
      'an infinite weight': [
        `{"now": 1, "candidates": [3], "weights": {"click": 1e999, "save": 1}}`,
        400,
        'BadRequest',
        /weight/,
      ],
      'weights that give no order': [{ ...sound, weights: { click: 0, save: 0 } }, 400, 'BadRequest', /weights/],
      'a search that is none': [{ ...sound, gsu: 'sideways' }, 400, 'BadRequest', /sideways/],
      'too many candidates': [{ ...sound, candidates: Array(10_001).fill(3) }, 400, 'BadRequest', /10000/],
      'an inline item of another width': [
        { ...sound, items: [{ item: 3, category: 0, embedding: [1], features: [] }] },
        400,
        'BadRequest',
        /embedding/,
      ],
      'a body of 20 MB': [new Uint8Array(20e6).fill(0x20), 413, 'TooLarge', /16777216/],
    };
    for (const [what, [body, status, code, message]] of Object.entries(bad)) {
      test(`refuses ${what}`, async () => {
        const raw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
        const response = await post(raw ? body : JSON.stringify(body));
        const { error } = await response.json();
        assert.deepEqual([response.status, error.code], [status, code], error.message);
        assert.match(error.message, message);
        assert.equal(response.headers.get('content-type'), 'application/json');
      });
    }

    test('refuses other methods and paths, and says which it has', async () => {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const response = await fetch(`${service.url}/rank`, { method });
        assert.equal(response.status, 405);
        assert.equal(response.headers.get('allow'), 'POST');
        assert.equal((await response.json()).error.code, 'MethodNotAllowed');
      }
      const response = await fetch(`${service.url}/elsewhere`);
      assert.equal(response.status, 404);
      assert.match((await response.json()).error.message, /POST \/rank/);
    });

    test('goes on after people who hang up in the middle, and after all that it refused', async () => {
      const { hostname, port } = new URL(service.url);
      for (let i = 0; i < 3; i++) {
        const socket = connect(port, hostname);
        await new Promise((resolve) => socket.on('connect', resolve));
        socket.write('POST /rank HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{"now": 1');
        await sleep(20);
        socket.destroy();
      }
      await answersAs('recorded');
    });

    test('takes another model of another embedding version', async () => {
      await publish('first');
      await answersAs('first');
    });

    for (const [old, next] of [
      ['first', 'delta'],
      ['delta', 'second-delta'],
      ['second-delta', 'next'],
      ['next', 'first'],
    ]) {
      test(`goes from ${old} to ${next} between two requests, with requests in flight`, async () => {
        // Without the last, whose long history would leave the service no time to load.
        const [olders, newers] = [old, next].map((name) => asked(name).slice(0, -1));
        let published = false;
        const person = async (i) => {
          let [olds, news] = [0, 0];
          while (news < 3) {
            const answer = await rank(olders[i].request);
            if (answer.shard_hash === newers[i].response.shard_hash) {
              assert.deepEqual(answer, newers[i].response);
              news++;
            } else {
              assert.equal(news, 0, 'the old version answered after the new one had');
              assert.deepEqual(answer, olders[i].response);
              olds++;
            }
            if (olds === 3 && !published) {
              published = true;
              store.publish(next);
            }
          }
          return olds;
        };
        const people = Promise.all(olders.map((_, i) => person(i)));
        const olds = await within(60, people, () => `${next} is not taken within 60 s\n${service.child.said}`);
        assert.ok(olds.some((count) => count >= 3));
        await answersAs(next);
      });
    }

    const { bundle, shard } = release('first');
    const broken = {
      'a shard that is cut off': () =>
        store.write('broken', read('next.lbs').subarray(0, -1)) ?? { bundle, shard: 'broken', deltas: [] },
      'a shard with a wrong bit': () => {
        const bytes = Buffer.from(read('next.lbs'));
        bytes[bytes.length - 1] ^= 1;
        store.write('broken', bytes);
        return { bundle, shard: 'broken', deltas: [] };
      },
      'a shard of another embedding version': () =>
        store.write('foreign', read('foreign.lbs')) ?? { bundle, shard: 'foreign', deltas: [] },
      'a bundle that is none': () => store.write('broken', 'no bundle') ?? { bundle: 'broken', shard, deltas: [] },
      'a file that is not there': () => ({ bundle, shard: 'missing.lbs', deltas: [] }),
      'a delta for another shard': () =>
        store.write('second', read('first-1.lbd')) ?? { bundle, shard, deltas: ['second'] },
      'a current.json that names nothing': () => ({}),
      'a current.json that is no JSON': () => '{',
    };
    test('stays with the version it has when the next one is broken, and takes a sound one after it', async () => {
      for (const [what, make] of Object.entries(broken)) {
        store.current(make());
        await until(what, ({ error }) => error);
        const { versions, error } = await health();
        assert.equal(versions.shard_hash, shardOf('first'), `${what}: ${error}`);
        await answersAs('first');
        store.publish('first');
        await until(`first, after ${what}`, ({ error }) => !error);
      }
      await publish('next');
      await answersAs('next');
    });

    test(`stays under ${WORKER_MEMORY / 1e6} MB through replacements, with 100,000 items too`, async () => {
      await publish('first');
      const small = (await health()).memory_bytes;
      for (const name of ['large', 'large-next', 'large', 'foreign', 'large-next', 'first', 'large'])
        await publish(name);
      await answersAs('large');
      await publish('large-next');
      await answersAs('large-next');
      const { memory_bytes } = await health();
      console.log(
        `${runtime}: ${(small / 1e6).toFixed(1)} MB of memory with 20,000 items, ${(memory_bytes / 1e6).toFixed(1)} MB at most with 100,000`,
      );
      assert.ok(small < memory_bytes && memory_bytes < WORKER_MEMORY, `${memory_bytes} bytes`);
    });
  });
}

for (const runtime of ['node', 'deno', 'bun']) {
  test(`${runtime} does not start without a version, and says what is missing`, { timeout: 60_000 }, async () => {
    const store = new Store();
    await assert.rejects(services[runtime](store.folder), /current\.json/);
    store.remove();
  });
}

test('workerd answers 503 without a version, and ranks once there is one', { timeout: 60_000 }, async () => {
  const store = new Store();
  const service = await services.workerd(store.folder);
  try {
    const [{ request, response }] = asked('recorded');
    const ask = () => fetch(`${service.url}/rank`, { method: 'POST', body: JSON.stringify(request) });
    const refused = await ask();
    assert.equal(refused.status, 503);
    const { error } = await refused.json();
    assert.equal(error.code, 'NotLoaded');
    assert.match(error.message, /current\.json/);
    store.publish('recorded');
    await sleep(2 * LOOK_EVERY);
    await ask();
    await sleep(2 * LOOK_EVERY);
    assert.deepEqual(await (await ask()).json(), response);
  } finally {
    await service.close();
    store.remove();
  }
});
