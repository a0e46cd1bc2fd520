// A person's own file, checked by the strict compiler against the package's types.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emptyProject, packed } from './places.js';

const modules = fileURLToPath(new URL('node_modules', import.meta.url));
const tsc = join(modules, '.bin/tsc');

const NODE = `
import { readFileSync } from 'node:fs';
import { LookbackError, Ranker, type Gsu, type ItemColumns, type Request, type Response } from 'lookback/node';

const ranker = new Ranker();
ranker.loadBundle(readFileSync('bundle.lbb'));
const upload = ranker.beginShard(10);
upload.write(new Uint8Array(10));
upload.finish();
const request: Request = {
  now: Date.now(),
  history: [{ item: 50, action: 'save', time: 0 }, { item: 2n ** 60n, action: 'zoom', time: 1 }],
  candidates: [1, 2n],
  gsu: 'soft' satisfies Gsu,
};
const response: Response = ranker.rank(request);
const first: number = response.ranked[0].p_click;
const click: number | undefined = response.ranked[0].logits?.[0];
const columns: ItemColumns = ranker.items(BigUint64Array.of(1n));
const { explanations } = ranker.explain({ request, parts: ['long'] });
try {
  console.log(first, click, columns.embedding.length, explanations[0].without[0].p_save, ranker.manifest()?.k);
} catch (error) {
  if (error instanceof LookbackError && error.code === 'OutOfMemory') console.log(error.message);
}
// @ts-expect-error a mistyped field
ranker.rank({ now: 1, candidates: [], histroy: [] });
// @ts-expect-error a code that no call throws
if (new LookbackError('BadRequest', '').code === 'Teapot') console.log();
// @ts-expect-error bytes are no text
ranker.pushShard('shard');
`;

const WEB = `
import init, { initSync, Ranker, type EventColumns } from 'lookback/web';
import * as chosen from 'lookback';
import * as worker from 'lookback/worker';

await init();
await init(new URL('lookback_bg.wasm', location.href));
await init(fetch('lookback_bg.wasm'));
initSync(new Uint8Array(8));
const history: EventColumns = { item: new BigUint64Array(1), action: new Uint8Array(1), time: new Float64Array(1) };
new Ranker().rank({ now: 1, candidates: new BigUint64Array(2), history });
console.log(chosen.abiVersion() + worker.memoryBytes());
// @ts-expect-error a worker's module is ready at import
worker.initSync;
`;

/** Compiles a file in a new project; returns what the compiler says. */
function compiled(t, text, options) {
  const folder = emptyProject(t);
  if (options.types) symlinkSync(join(modules, '@types'), join(folder, 'node_modules/@types'));
  const compilerOptions = { strict: true, noEmit: true, target: 'es2022', ...options };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['user.ts'] }));
  writeFileSync(join(folder, 'user.ts'), text);
  return spawnSync(tsc, ['--pretty', 'false'], { cwd: folder, encoding: 'utf8' });
}

const ok = ({ status, stdout, stderr }) => assert.equal(status, 0, stdout + stderr);

test('strict TypeScript for Node, without the types of browsers', (t) => {
  ok(compiled(t, NODE, { module: 'nodenext', lib: ['es2022'], types: ['node'], skipLibCheck: true }));
});

test('strict TypeScript for browsers, with every declaration checked', (t) => {
  ok(compiled(t, WEB, { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'] }));
});

test('a mistake is found', (t) => {
  const { status, stdout } = compiled(t, NODE.replace(/\/\/ @ts-expect-error.*/g, ''), {
    module: 'nodenext', lib: ['es2022'], types: ['node'], skipLibCheck: true,
  });
  assert.notEqual(status, 0);
  for (const wrong of ['histroy', 'Teapot', 'string']) assert.match(stdout, new RegExp(wrong));
});

test('no type of the package is any', () => {
  for (const file of ['lookback.d.ts', 'api.d.ts', 'web.d.ts', 'node.d.ts', 'worker.d.ts', 'error.d.ts']) {
    assert.doesNotMatch(readFileSync(join(packed, file), 'utf8'), /\bany\b(?! )|: any/, file);
  }
});
