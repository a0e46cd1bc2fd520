// What a publisher does: a folder of files, and `current.json` put in place last.

import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { index, questions, read } from './places.js';

const releases = new Map(index().releases.map((release) => [release.name, release]));

export function release(name) {
  const found = releases.get(name);
  if (!found) throw new Error(`no release is called ${name}`);
  return found;
}

/** What people ask while a release is the newest, and what they are answered. */
export function asked(name) {
  return JSON.parse(read(release(name).questions, 'utf8'));
}

export class Store {
  folder = mkdtempSync(join(tmpdir(), 'lookback-store-'));

  publish(name) {
    const { bundle, shard, deltas } = release(name);
    for (const file of [bundle, shard, ...deltas]) {
      if (!existsSync(join(this.folder, file))) copyFileSync(join(questions, file), join(this.folder, file));
    }
    this.current({ bundle, shard, deltas });
  }

  current(value) {
    this.write('current.json', typeof value === 'string' ? value : JSON.stringify(value));
  }

  /** In one step, as object stores do. */
  write(name, bytes) {
    const fresh = join(this.folder, `${name}.new`);
    writeFileSync(fresh, bytes);
    renameSync(fresh, join(this.folder, name));
  }

  remove() {
    rmSync(this.folder, { recursive: true });
  }
}
