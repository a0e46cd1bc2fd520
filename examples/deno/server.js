// POST /rank on Deno: deno run --allow-net --allow-read --allow-env server.js STORE, a folder with current.json and the
// files that it names; see ../versions.js.

import { answer } from '../answer.js';
import { Versions } from '../versions.js';

const [folder = 'store'] = Deno.args;
const { PORT = '8080', LOOK_EVERY_MS = '10000' } = Deno.env.toObject();

const versions = new Versions({
  async get(key) {
    const file = await Deno.open(`${folder}/${key}`);
    return { size: (await file.stat()).size, body: file.readable };
  },
});

// A service that cannot answer does not start.
await versions.refresh();
const look = () => versions.refresh().catch((error) => console.error(`this version stays: ${error.message}`));
setInterval(look, Number(LOOK_EVERY_MS));

const onListen = ({ port }) => console.log(`http://127.0.0.1:${port}`);
Deno.serve({ port: Number(PORT), hostname: '127.0.0.1', onListen }, async (request) => {
  const { status, headers, body } = await answer(versions, {
    method: request.method,
    path: new URL(request.url).pathname,
    body: request.body,
  });
  return new Response(body, { status, headers });
});
