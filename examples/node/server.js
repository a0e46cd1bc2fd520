// POST /rank on Node: node server.js STORE, a folder with current.json and the files that it names; see ../versions.js.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { answer } from '../answer.js';
import { Versions } from '../versions.js';

const [folder = 'store'] = process.argv.slice(2);
const { PORT = '8080', LOOK_EVERY_MS = '10000' } = process.env;

const versions = new Versions({
  async get(key) {
    const file = join(folder, key);
    // Few chunks, since each waits for its turn among the requests.
    return { size: (await stat(file)).size, body: createReadStream(file, { highWaterMark: 1 << 20 }) };
  },
});

// A service that cannot answer does not start.
await versions.refresh();
const look = () => versions.refresh().catch((error) => console.error(`this version stays: ${error.message}`));
setInterval(look, Number(LOOK_EVERY_MS));

const server = createServer(async (request, response) => {
  const { status, headers, body } = await answer(versions, {
    method: request.method,
    path: request.url.split('?')[0],
    body: request.iterator({ destroyOnReturn: false }),
  });
  response.writeHead(status, headers).end(body);
  // What is left of a body that is too large is thrown away, so that its sender gets the answer.
  request.resume();
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
