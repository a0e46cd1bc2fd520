// Keeps the newest version of a store in memory, and goes on with the one before it until the new one is whole.
//
// A store has `current.json`, {"bundle": key, "shard": key, "deltas": [key, …]}, and the files it names. Whoever
// publishes writes the files first, under new keys, and `current.json` last. `store.get(key)` resolves to
// `{ size, body }`, body in chunks, or to null: what an R2 bucket does.

import { Ranker } from 'lookback';

export class Versions {
  /** Answers requests; undefined until a version is loaded. */
  ranker;
  /** Why the newest version is not the one that answers. */
  error;
  #store;
  #text;
  #current = { deltas: [] };
  #refreshing;

  constructor(store) {
    this.#store = store;
  }

  /** Takes the newest version, if it is another. Rejects when it cannot be used; the one before it goes on answering. */
  refresh() {
    this.#refreshing ??= this.#refresh()
      .then(() => (this.error = undefined))
      .catch((error) => {
        throw (this.error = error);
      })
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #refresh() {
    const text = new TextDecoder().decode(await this.#read('current.json'));
    if (text === this.#text) return;
    const { bundle, shard, deltas } = JSON.parse(text);
    if (!bundle || !shard || !Array.isArray(deltas))
      throw new Error('current.json names a bundle, a shard and deltas, if only []');
    const old = this.#current;
    const added = old.bundle === bundle && old.shard === shard && old.deltas.every((key, i) => key === deltas[i]);
    if (added) {
      const missing = deltas.slice(old.deltas.length);
      const read = await Promise.all(missing.map((key) => this.#read(key)));
      read.forEach((bytes, i) => {
        this.ranker.applyDelta(bytes);
        old.deltas.push(missing[i]);
      });
    } else {
      const next = await this.#load({ bundle, shard, deltas });
      // Nothing is awaited from here on: requests before this line meet the old version, those after it the new one.
      this.ranker?.free();
      this.ranker = next;
      this.#current = { bundle, shard, deltas };
    }
    this.#text = text;
  }

  async #load({ bundle, shard, deltas }) {
    const ranker = new Ranker();
    try {
      ranker.loadBundle(await this.#read(bundle));
      const { size, body } = await this.#get(shard);
      const upload = ranker.beginShard(size);
      try {
        // Chunk by chunk into the module's memory, so that the shard is in memory once.
        for await (const chunk of body) upload.write(chunk);
        upload.finish();
      } finally {
        upload.free();
      }
      for (const key of deltas) ranker.applyDelta(await this.#read(key));
      return ranker;
    } catch (error) {
      ranker.free();
      throw error;
    }
  }

  async #get(key) {
    const object = await this.#store.get(key);
    if (!object) throw new Error(`the store has no ${key}; publish it before the current.json that names it`);
    return object;
  }

  async #read(key) {
    const { size, body } = await this.#get(key);
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const chunk of body) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }
}
