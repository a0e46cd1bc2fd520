// The work in a worker. Only workerd's binding for evaluation compiles from bytes, which the clock needs.

import { work } from './work.js';

export default {
  async fetch(request, env) {
    const get = async (path) => new Uint8Array(await (await env.FILES.fetch(`http://files/${path}`)).arrayBuffer());
    const compile = (bytes) => env.EVALUATION.newWasmModule(bytes);
    return Response.json(await work({ get, compile, answering: new URL(request.url).pathname === '/true' }));
  },
};
