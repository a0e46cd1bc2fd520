// Copies the examples to where they can be installed, and installs the package into them from its tarball: install.js
// TARBALL.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { here, installed, root } from './places.js';

const tarball = resolve(process.argv[2]);

rmSync(installed, { recursive: true, force: true });
mkdirSync(installed, { recursive: true });
const own = (source) => !source.includes('node_modules');
cpSync(join(root, 'examples'), installed, { recursive: true, filter: own });
cpSync(join(here, 'engine'), join(installed, 'engine'), { recursive: true });
const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];
execFileSync('npm', ['install', ...quiet, tarball], {
  cwd: installed,
  stdio: ['ignore', 'ignore', 'inherit'],
});
