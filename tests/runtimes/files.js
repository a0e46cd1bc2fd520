// A server for the engines: questions, the package, the work itself, and a place to send results to.

import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { installed, questions } from './places.js';

const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };

const packed = join(installed, 'node_modules/lookback');

/** The package's module. */
export function packagedModule() {
  const found = readdirSync(packed).filter((name) => name.endsWith('.wasm'));
  if (found.length !== 1) throw new Error(`${packed} has ${found.length} .wasm files, not one`);
  return join(packed, found[0]);
}

/** Where package.json says that an entry is, for someone who imports it. */
function entry(name) {
  let place = JSON.parse(readFileSync(join(packed, 'package.json'))).exports[name];
  while (typeof place === 'object') place = place.import ?? place.default;
  return place.replace(/^\.\//, '');
}

export async function files() {
  const waiting = new Map();
  const page = `<!doctype html>
<title>Lookback</title>
<script type="importmap">{"imports": {"lookback/web": "/package/${entry('./web')}"}}</script>
<script type="module" src="/engine/page.js"></script>`;
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url.split('?')[0].slice(1));
    if (request.method === 'POST') {
      let body = '';
      for await (const chunk of request) body += chunk;
      response.end();
      waiting.get(path)?.(JSON.parse(body));
      waiting.delete(path);
      return;
    }
    // Isolated from other pages, a page's clock is finer.
    const headers = { 'cross-origin-opener-policy': 'same-origin', 'cross-origin-embedder-policy': 'require-corp' };
    if (path === 'page') return response.writeHead(200, { ...headers, 'content-type': 'text/html' }).end(page);
    const [first, ...rest] = path.split('/');
    const folder = { questions, package: packed, engine: join(installed, 'engine') }[first];
    const file = path === 'package.wasm' ? packagedModule() : folder && join(folder, ...rest);
    if (!file) return response.writeHead(404).end();
    createReadStream(file)
      .on('open', () =>
        response.writeHead(200, { ...headers, 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }),
      )
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${server.address().port}`;
  let next = 0;
  /** A path to send a result to, and the promise of it. */
  const result = () => {
    const path = `result-${next++}`;
    return { path, sent: new Promise((resolve) => waiting.set(path, resolve)) };
  };
  return {
    host,
    result,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
