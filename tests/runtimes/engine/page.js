// The work in a page, whose address says where the result goes and whether to answer.

import { work } from './work.js';

const { result, answering } = Object.fromEntries(new URLSearchParams(location.search));
const get = async (path) => new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer());
const done = await work({ get, compile: (bytes) => WebAssembly.compile(bytes), answering: answering === 'true' }).catch(
  (error) => ({ error: `${error.name}: ${error.message}\n${error.stack}` }),
);
await fetch(`/${result}`, { method: 'POST', body: JSON.stringify(done) });
