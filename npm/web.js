// Browsers: the module is fetched, compiled while it arrives, and ready when init has resolved.
import * as api from './api.js';
import load, { initSync as loadSync } from './lookback.js';

export { LookbackError, ShardUpload } from './api.js';

let isReady = false;

/** Loads the module, once; later calls wait for the first. */
export default async function init(source = new URL('./lookback_bg.wasm', import.meta.url)) {
  await load({ module_or_path: source });
  isReady = true;
}

/** Loads the module from its bytes, or compiled. */
export function initSync(module) {
  loadSync({ module });
  isReady = true;
}

function check() {
  if (!isReady) throw new api.LookbackError('NotLoaded', 'the module is not there yet; await init() first');
}

export class Ranker extends api.Ranker {
  constructor() {
    check();
    super();
  }
}

const checked = (call) => (given) => {
  check();
  return call(given);
};

export const abiVersion = checked(api.abiVersion);
export const decodeCapture = checked(api.decodeCapture);
export const decodeRequest = checked(api.decodeRequest);
export const decodeResponse = checked(api.decodeResponse);
export const encodeCapture = checked(api.encodeCapture);
export const encodeRequest = checked(api.encodeRequest);
export const memoryBytes = checked(api.memoryBytes);
