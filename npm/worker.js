// Workers that import a module compiled, as they may compile none themselves; ready at import.
import module from './lookback_bg.wasm';
import { initSync } from './lookback.js';

initSync({ module });

export * from './api.js';
