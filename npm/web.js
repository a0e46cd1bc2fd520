// Browsers: the module is fetched, compiled while it arrives, and ready when init has resolved.
import load, { initSync as loadSync } from './lookback.js';

/** Loads the module, once; later calls wait for the first. */
export default async function init(source = new URL('./lookback_bg.wasm', import.meta.url)) {
  await load({ module_or_path: source });
}

/** Loads the module from its bytes, or compiled. */
export function initSync(module) {
  loadSync({ module });
}

export * from './api.js';
