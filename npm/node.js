// Node, Deno and Bun: the module is read from the file beside this one, and ready at import.
import { readFileSync } from 'node:fs';
import { initSync } from './lookback.js';

initSync({ module: readFileSync(new URL('./lookback_bg.wasm', import.meta.url)) });

export * from './api.js';
