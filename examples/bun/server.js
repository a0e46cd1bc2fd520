// POST /rank on Bun: bun server.js STORE, a folder with current.json and the files that it names; see ../versions.js.

import { answer } from '../answer.js';
import { Versions } from '../versions.js';

const [folder = 'store'] = Bun.argv.slice(2);
const { PORT = '8080', LOOK_EVERY_MS = '10000' } = Bun.env;

const versions = new Versions({
  async get(key) {
    const file = Bun.file(`${folder}/${key}`);
    return (await file.exists()) ? { size: file.size, body: file.stream() } : null;
  },
});

// A service that cannot answer does not start.
await versions.refresh();
const look = () => versions.refresh().catch((error) => console.error(`this version stays: ${error.message}`));
setInterval(look, Number(LOOK_EVERY_MS));

const server = Bun.serve({
  port: Number(PORT),
  hostname: '127.0.0.1',
  async fetch(request) {
    const { status, headers, body } = await answer(versions, {
      method: request.method,
      path: new URL(request.url).pathname,
      body: request.body,
    });
    return new Response(body, { status, headers });
  },
});
console.log(`http://127.0.0.1:${server.port}`);
