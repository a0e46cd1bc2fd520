// Every engine gives the bytes that wasmtime gives: recorded ones, and answers to questions made up anew.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { engines } from './engines.js';
import { files } from './files.js';
import { index, read, root } from './places.js';

let server;
before(async () => {
  server = await files();
});
after(() => server.close());

test('the questions hold every recorded vector as it is', () => {
  const vectors = join(root, 'tests/vectors');
  const names = readdirSync(vectors)
    .filter((name) => name.endsWith('.request'))
    .map((name) => name.replace('.request', ''));
  const { questions } = index().cases[0];
  assert.deepEqual(
    questions.map(({ name }) => name),
    names.sort(),
  );
  for (const { name, request, response } of questions) {
    assert.ok(read(request).equals(readFileSync(join(vectors, `${name}.request`))), name);
    assert.ok(read(response).equals(readFileSync(join(vectors, `${name}.response`))), name);
  }
});

for (const { engine, runtime, work } of engines) {
  test(`${runtime} (${engine}) gives wasmtime's bytes`, { timeout: 400_000 }, async () => {
    const { answers } = await work(server, true);
    const questions = index().cases.flatMap(({ model, questions }) =>
      questions.map(({ name, call }) => `${model} ${name} ${call}`),
    );
    assert.deepEqual(
      answers.map(({ model, name, call }) => `${model} ${name} ${call}`),
      questions,
    );
    assert.deepEqual(
      answers.filter(({ difference }) => difference !== null),
      [],
    );
  });
}
