export * from './api.js';

/**
 * Loads the module; nothing else of this package works before it has resolved. Without a source it is fetched from
 * beside this file, which bundlers understand. Later calls wait for the first.
 */
export default function init(
  source?: RequestInfo | URL | Response | Promise<Response> | BufferSource | WebAssembly.Module,
): Promise<void>;

/** Loads the module from its bytes, or compiled. */
export function initSync(module: BufferSource | WebAssembly.Module): void;
