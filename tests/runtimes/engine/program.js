// The work on the command line of Node, Deno and Bun: an address, a place for the result, and whether to answer.

import { work } from './work.js';

const [address, result, answering] = process.argv.slice(2);
const get = async (path) => new Uint8Array(await (await fetch(`${address}/${path}`)).arrayBuffer());
const versions = globalThis.Bun
  ? { runtime: Bun.version, engine: process.versions.webkit }
  : { runtime: process.versions.deno ?? process.versions.node, engine: process.versions.v8 };
const done = await work({ get, compile: (bytes) => WebAssembly.compile(bytes), answering: answering === 'true' });
await fetch(`${address}/${result}`, { method: 'POST', body: JSON.stringify({ ...done, versions }) });
