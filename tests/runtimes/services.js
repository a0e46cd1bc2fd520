// The examples as services: each in its own runtime, on a store that is a folder.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { bucket } from './bucket.js';
import { installed } from './places.js';
import { printed, program, start, stop } from './processes.js';
import { workerd } from './workerd.js';

/** How often the services look for a new version, in milliseconds. */
export const LOOK_EVERY = 100;

/** Name of a runtime to what starts its example: a URL, and `close`. */
export const services = {
  node: (store) => server(process.execPath, ['node/server.js', store]),
  deno: (store) =>
    server(program('deno'), ['run', '--allow-net', '--allow-read', '--allow-env', 'deno/server.js', store]),
  bun: (store) => server(program('bun'), ['bun/server.js', store]),
  workerd: async (store) => {
    const models = await bucket(store);
    const bindings = `(name = "MODELS", r2Bucket = "bucket"), (name = "LOOK_EVERY_MS", json = "${LOOK_EVERY}")`;
    const worker = await workerd(join(installed, 'worker/worker.js'), {
      bindings,
      externals: { bucket: models.address },
    });
    const close = async () => {
      await stop(worker.child);
      models.close();
      rmSync(worker.folder, { recursive: true });
    };
    return { ...worker, close };
  },
};

async function server(command, args) {
  const env = { ...process.env, PORT: '0', LOOK_EVERY_MS: String(LOOK_EVERY), NO_COLOR: '1' };
  const child = start(command, args, { cwd: installed, env });
  const [url] = await printed(child, 1, /http:\/\/127\.0\.0\.1:\d+/);
  return { child, url, close: () => stop(child) };
}
