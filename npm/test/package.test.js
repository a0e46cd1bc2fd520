// The package as people get it: installed from its tarball into an empty project.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { emptyProject, models, packed, sizes } from './places.js';

const run = (folder, file) => execFileSync(process.execPath, [file], { cwd: folder, encoding: 'utf8' });

test('the README’s lines for Node print a ranked list', (t) => {
  const readme = readFileSync(join(packed, 'README.md'), 'utf8');
  const [, lines] = readme.match(/```js\n\/\/ rank\.mjs\n([^]*?)```/);
  assert.ok(lines.trim().split('\n').length <= 12, 'ten lines or so');
  const folder = emptyProject(t);
  writeFileSync(join(folder, 'rank.mjs'), lines);
  for (const file of ['bundle.lbb', 'shard.lbs']) cpSync(join(models, 'ml-100k', file), join(folder, file));
  const ranked = run(folder, 'rank.mjs');
  assert.match(ranked, /p_click: 0\.\d+/);
  assert.match(ranked, /source: 'model'/);
});

test('the package holds one module, no source, and nothing that runs at installation', () => {
  const files = readdirSync(packed);
  assert.deepEqual(files.filter((file) => file.endsWith('.wasm')), ['lookback_bg.wasm']);
  const manifest = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  assert.equal(manifest.scripts, undefined);
  assert.equal(manifest.dependencies, undefined);
  assert.match(manifest.version, /^\d+\.\d+\.\d+$/);
  for (const file of manifest.files) assert.ok(existsSync(join(packed, file)), file);
});

test('the README says what the module weighs', () => {
  const readme = readFileSync(join(packed, 'README.md'), 'utf8');
  const stated = readme.match(/([\d.]+) MB, ([\d.]+) MB gzip'd, ([\d.]+) MB by\s+brotli/).slice(1).map(Number);
  const { raw, gzip, brotli } = sizes();
  for (const [index, bytes] of [raw, gzip, brotli].entries()) {
    const ratio = bytes / (stated[index] * 1e6);
    assert.ok(Math.abs(ratio - 1) < 0.02, `the README says ${stated[index]} MB, it is ${bytes} bytes`);
  }
  assert.ok(gzip < 2_000_000, `${gzip} bytes gzip'd`);
});

test('every entry that a runtime may take is there', (t) => {
  const folder = emptyProject(t);
  const resolved = (specifier, conditions) =>
    execFileSync(
      process.execPath,
      [...conditions.map((one) => `--conditions=${one}`), '--input-type=module', '-e', `console.log(import.meta.resolve('${specifier}'))`],
      { cwd: folder, encoding: 'utf8' },
    ).trim();
  const ends = (specifier, conditions, file) => {
    const place = resolved(specifier, conditions);
    assert.ok(place.endsWith(`/lookback/${file}`), `${specifier} with ${conditions}: ${place}`);
    assert.ok(existsSync(fileURLToPath(place)), place);
  };
  ends('lookback', [], 'node.js');
  ends('lookback', ['bun'], 'node.js');
  ends('lookback', ['deno'], 'node.js');
  ends('lookback', ['workerd', 'worker', 'browser'], 'worker.js');
  ends('lookback/web', [], 'web.js');
  ends('lookback/worker', [], 'worker.js');
  ends('lookback/node', [], 'node.js');
  ends('lookback/lookback_bg.wasm', [], 'lookback_bg.wasm');
});

test('the web entry says that it wants its module first, loads it once, and can try again', (t) => {
  const folder = emptyProject(t);
  writeFileSync(
    join(folder, 'web.mjs'),
    `import assert from 'node:assert/strict';
     import { readFileSync } from 'node:fs';
     import init, * as web from 'lookback/web';

     const early = { name: 'LookbackError', code: 'NotLoaded', message: /await init/ };
     assert.throws(() => new web.Ranker(), early);
     assert.throws(() => web.encodeRequest({ now: 1, candidates: [] }), early);
     await assert.rejects(init(new Uint8Array(8)), WebAssembly.CompileError);
     assert.throws(() => web.memoryBytes(), early);

     const bytes = readFileSync(new URL(import.meta.resolve('lookback/lookback_bg.wasm')));
     await Promise.all([init(bytes), init(bytes)]);
     assert.equal(new web.Ranker().versions().items, 0);
     assert.ok(web.encodeRequest({ now: 1, candidates: [] }).length > 8);
     const all = (entry) => Object.keys(entry).filter((name) => !['default', 'initSync'].includes(name)).sort();
     assert.deepEqual(all(web), all(await import('lookback/node')));`,
  );
  run(folder, 'web.mjs');
});
