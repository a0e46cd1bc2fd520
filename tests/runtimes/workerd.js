// Workers in workerd, bundled as wrangler bundles them: esbuild, and each .wasm a module of its own.

import { build } from 'esbuild';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printed, program, start } from './processes.js';

/** Starts a worker; bindings and services are Cap'n Proto text, external services by name and address. */
export async function workerd(main, { bindings = '', externals = {}, flags = [] }) {
  const folder = mkdtempSync(join(tmpdir(), 'lookback-worker-'));
  await build({
    entryPoints: [main],
    outfile: join(folder, 'main.js'),
    bundle: true,
    format: 'esm',
    target: 'esnext',
    conditions: ['workerd', 'worker', 'browser'],
    loader: { '.wasm': 'copy' },
    logLevel: 'error',
  });
  const modules = readdirSync(folder)
    .filter((name) => name.endsWith('.wasm'))
    .map((name) => `(name = "${name}", wasm = embed "${name}")`);
  const services = Object.entries(externals).map(
    ([name, address]) => `(name = "${name}", external = (address = "${address}", http = ()))`,
  );
  const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${['(name = "main", worker = .worker)', ...services].join(', ')}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [${['(name = "main.js", esModule = embed "main.js")', ...modules].join(', ')}],
  bindings = [${bindings}],
  compatibilityDate = "2026-05-01",
);
`;
  writeFileSync(join(folder, 'config.capnp'), config);
  const child = start(program('workerd'), ['serve', 'config.capnp', '--control-fd=3', ...flags], { cwd: folder });
  const [, port] = await printed(child, 3, /"socket":"http","port":(\d+)/);
  return { child, url: `http://127.0.0.1:${port}`, folder };
}
