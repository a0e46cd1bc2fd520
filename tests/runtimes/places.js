// Where things lie.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const here = fileURLToPath(new URL('.', import.meta.url));
export const root = join(here, '../..');
const state = join(root, 'target/lookback');

/** Questions and answers, by the host's example `engines`. */
export const questions = join(state, 'engines');
/** The examples with the package installed, as a user would have them. */
export const installed = join(state, 'runtimes');

export const index = () => JSON.parse(read('engines.json'));

/** A file of the questions. */
export const read = (name, encoding) => readFileSync(join(questions, name), encoding);
