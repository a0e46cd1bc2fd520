// Where things are, and projects to install the package into.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const out = join(root, 'target/lookback/npm');

export const models = join(root, 'models');
export const madeUp = join(root, 'tests/models/made-up');
export const vectors = join(root, 'tests/vectors');
/** What `cargo xtask pack` made, before it was put into the tarball. */
export const packed = join(out, 'lookback');

/** Bytes of the module as `cargo xtask pack` measured them. */
export const sizes = () => JSON.parse(readFileSync(join(out, 'sizes.json'), 'utf8'));

/** A new project with nothing but the package, from its tarball; it goes when the test ends. */
export function emptyProject(t) {
  const folder = mkdtempSync(join(tmpdir(), 'lookback-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  const { version } = JSON.parse(readFileSync(join(packed, 'package.json'), 'utf8'));
  const tarball = join(out, `lookback-${version}.tgz`);
  execFileSync('npm', ['install', '--offline', '--no-audit', '--no-fund', tarball], { cwd: folder, stdio: 'pipe' });
  return folder;
}
