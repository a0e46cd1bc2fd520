// Orders in, answers out, as the workers in Rust do (bench/src/protocol.rs).

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Runs of a fixture before the clock counts, while they take this long at most (in nanoseconds). */
const WARM_UP = 5;
const WARM_UP_TIME = 1e9;

/**
 * Answers orders until there are no more.
 * @param {{prepare(fixture: Fixture, search: string): Promise<number | undefined>, run(): Promise<bigint>,
 *   logits(): Float32Array}} variant
 */
export async function serve(variant) {
  let prepared = '';
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let answer = {};
    try {
      const wanted = `${order.search} ${order.fixture}`;
      if (order.task === 'prepare' || prepared !== wanted) {
        prepared = '';
        answer.chunk = await variant.prepare(new Fixture(order.fixture), order.search);
        prepared = wanted;
      }
      if (order.task === 'score') {
        const logits = variant.logits();
        writeFileSync(order.to, new Uint8Array(logits.buffer, logits.byteOffset, logits.byteLength));
      } else {
        const started = process.hrtime.bigint();
        let time = await variant.run();
        for (let i = 1; i < (order.task === 'prepare' ? WARM_UP : 1); i++) {
          if (Number(process.hrtime.bigint() - started + time) > WARM_UP_TIME) break;
          time = await variant.run();
        }
        answer.nanoseconds = Number(time);
      }
    } catch (error) {
      answer = { error: String(error?.stack ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

/** A fixture's files (bench/src/fixture.rs). */
export class Fixture {
  constructor(path) {
    this.folder = dirname(path);
    Object.assign(this, JSON.parse(readFileSync(path, 'utf8')));
  }

  /** The encoded request of a search. */
  request(search) {
    return readFileSync(join(this.folder, this.requests[search]));
  }

  /** Every tensor: name, kind, shape and values, a typed array. */
  values() {
    const files = new Map();
    return this.tensors.map(({ name, kind, shape, file, offset }) => {
      if (!files.has(file)) files.set(file, readFileSync(join(this.folder, file)));
      const width = kind === 'float32' ? 4 : 8;
      const length = shape.reduce((all, one) => all * one, 1);
      const bytes = files.get(file).subarray(offset, offset + width * length);
      const copy = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
      return { name, kind, shape, values: kind === 'float32' ? new Float32Array(copy) : new BigInt64Array(copy) };
    });
  }
}
