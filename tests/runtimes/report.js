// Runs every engine, prints one table, and writes it as a page: report.js RUNS PAGE MODULE WASMTIME, where MODULE is the
// raw module and WASMTIME its version.

import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { engines } from './engines.js';
import { files, packagedModule } from './files.js';
import { index, questions } from './places.js';

const STEPS = {
  compile: 'compile',
  instantiate: 'instantiate',
  load_bundle: 'load the bundle',
  load_shard: 'load the shard',
  first_rank: 'first rank',
  later_rank: 'later ranks',
};

const [runs, page, module, wasmtime] = process.argv.slice(2);
const { cases, timed } = index();
const rows = [];
const differences = [];

// The others are compared with wasmtime's answers; its own were compared with the recorded ones when they were made.
const own = cases.flatMap(({ model, questions }) => questions.map(() => ({ model, difference: null })));
rows.push(row('Cranelift', `wasmtime ${wasmtime}`, own, timed.wasmtime));
const server = await files();
try {
  for (const { engine, runtime, work } of engines) {
    process.stderr.write(`  ${runtime} …\n`);
    const results = [];
    for (let run = 0; run < Number(runs); run++) results.push(await work(server, run === 0));
    const [{ answers, versions }] = results;
    rows.push(
      row(
        engine,
        `${runtime} ${versions.runtime}`,
        answers,
        results.map(({ times }) => times),
      ),
    );
    for (const { model, name, call, difference } of answers) {
      if (difference) differences.push(`${runtime}, ${model}, ${name}, ${call}: ${difference}`);
    }
  }
} finally {
  server.close();
}

const named = cases.map(({ model }) => model);
const answered = table(['engine', 'runtime', ...named, ...Object.values(STEPS)], rows);
const weighed = table(
  ['module', 'raw', 'gzip -9', 'brotli -11'],
  [
    ['`lookback.wasm`, raw exports', ...sizes(module)],
    ["the npm package's", ...sizes(packagedModule())],
  ],
);
console.log(`\n${answered}\n\n${weighed}`);
if (differences.length > 0) {
  console.error(`\nnot identical:\n${differences.join('\n')}`);
  process.exit(1);
}
writeFileSync(page, text());

function row(engine, runtime, answers, times) {
  const same = cases.map(({ model }) => {
    const all = answers.filter((answer) => answer.model === model);
    const different = all.find(({ difference }) => difference);
    return different ? `${different.name}: ${different.difference}` : `${all.length} identical`;
  });
  const medians = Object.keys(STEPS).map((step) => milliseconds(median(times.map((one) => one[step]))));
  return [engine, runtime, ...same, ...medians];
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

function milliseconds(number) {
  return number.toFixed(number < 10 ? 2 : number < 100 ? 1 : 0);
}

function sizes(file) {
  const bytes = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const forms = [bytes, gzipSync(bytes, { level: 9 }), brotliCompressSync(bytes, { params })];
  return forms.map(({ length }) => `${(length / 1e6).toFixed(3)} MB`);
}

function table(header, rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [header, header.map(() => '---'), ...rows].map(line).join('\n');
}

function text() {
  const [{ model }] = cpus();
  const precompiled = milliseconds(median(timed.wasmtime.map((one) => one.precompiled)));
  const megabytes = (name) => (statSync(join(questions, name)).size / 1e6).toFixed(1);
  return `# Engines

The module gives the same bytes on every engine. One command compares them, times the start on each, prints this page's
tables and writes it:

\`\`\`sh
cargo xtask engines
\`\`\`

## Same bytes, and the start

${answered}

*Vectors* are [\`tests/vectors\`](../tests/vectors): requests whose responses are recorded. The other columns are requests
drawn anew for each model, from \`--seed\`: hard, soft and consistent search over histories of 40, 1,000 and 54,000 events,
500 candidates, ranked, and explained with every part taken away. *Identical* means every byte of every response, compared
with wasmtime's; where one differs the command prints the first byte that does, and fails. wasmtime's are compared with the
recorded ones, and raw exports with [\`lookback-host\`](../host). The same comparison is a part of \`cargo xtask test\`.
\`--model DIR\` compares on a model of your own.

Times are in milliseconds, medians of ${runs} starts, each in a fresh process (wasmtime's in one), on ${cpus().length} cores of
${model}. wasmtime runs the module with raw exports, the others the npm package's by its entry
\`lookback/web\`. The bundle is \`models/simulated\`'s (${megabytes(timed.bundle)} MB); the shard is made up, ${timed.rows.toLocaleString('en')} items
in f16 (${megabytes(timed.shard)} MB). The request has 500 candidates and 1,000 events; *later ranks* is the median of ${timed.later} that
follow the first.

- wasmtime compiles everything ahead, to its fastest code. A host keeps the result: loading it takes ${precompiled} ms.
- The other engines compile to quick code first and to fast code while it runs, so that later ranks are faster.
- workerd compiles a Worker's module before its first request; here its binding for evaluation compiles against the clock,
  which counts whole milliseconds.

## Size

${weighed}

The largest edge platform's free tier takes 3 MB, compressed. What is left out of the module to get there:

- the ONNX parser and its optimiser: \`lookback prepare\` runs them once and writes what remains into the bundle;
- every operator that no prepared graph uses: the set is closed ([\`src/graph/prepared.rs\`](../src/graph/prepared.rs));
- clock, files, random numbers and threads: the module imports nothing of the kind;
- names of functions and debugging information.

tract's own code is compiled for size, the kernels of a request for speed
([\`Cargo.toml\`](../Cargo.toml), \`profile.wasm\`).
`;
}
