// Copies the examples to where they can be installed, and installs the package into them from its tarball.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { here, installed, npm, root } from './places.js';

const tarballs = readdirSync(npm).filter((name) => name.endsWith('.tgz'));
if (tarballs.length !== 1) throw new Error(`${npm} has ${tarballs.length} tarballs, not one; run \`cargo xtask pack\``);

rmSync(installed, { recursive: true, force: true });
mkdirSync(installed, { recursive: true });
const own = (source) => !source.includes('node_modules');
cpSync(join(root, 'examples'), installed, { recursive: true, filter: own });
cpSync(join(here, 'engine'), join(installed, 'engine'), { recursive: true });
const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
execFileSync('npm', ['install', ...quiet, join(npm, tarballs[0])], {
  cwd: installed,
  stdio: ['ignore', 'ignore', 'inherit'],
});
