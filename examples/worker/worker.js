// POST /rank in a Cloudflare Worker. Bundle, shard and deltas come from the R2 bucket MODELS; see ../versions.js.

import { answer } from '../answer.js';
import { Versions } from '../versions.js';

// An isolate serves many requests: what it has loaded stays in its memory, within the 128 MB that a Worker has.
let versions;
let looking;
let lastLook = -Infinity;

export default {
  async fetch(request, env, context) {
    versions ??= new Versions(env.MODELS);
    if (Date.now() - lastLook >= (env.LOOK_EVERY_MS ?? 10_000)) {
      lastLook = Date.now();
      looking = versions.refresh().catch((error) => console.error(`this version stays: ${error.message}`));
      // Off the request's path: requests go on with the version that is loaded.
      context.waitUntil(looking);
    }
    // Only an isolate's first requests wait.
    if (!versions.ranker) await looking;
    const { status, headers, body } = await answer(versions, {
      method: request.method,
      path: new URL(request.url).pathname,
      body: request.body,
    });
    return new Response(body, { status, headers });
  },
};
