// The module in V8, by its raw exports (src/abi.rs): node lookback.mjs MODEL MODULE

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { serve } from './worker.mjs';

const [model, file] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(file), {});
const module = instance.exports;
module.init();

/** Calls an export with bytes; returns a copy of what it answers. */
function call(name, bytes) {
  const pointer = module.alloc(bytes.length) >>> 0;
  if (pointer === 0) throw new Error(`${name}: no memory for ${bytes.length} bytes`);
  new Uint8Array(module.memory.buffer, pointer, bytes.length).set(bytes);
  const status = module[name](pointer, bytes.length);
  const output = new Uint8Array(module.memory.buffer, module.output_ptr() >>> 0, module.output_len() >>> 0).slice();
  // A shard that was taken over is the module's.
  if (name !== 'push_shard' || status !== 0) module.free(pointer);
  if (status !== 0) throw new Error(`${name}: status ${status}, ${new TextDecoder().decode(output)}`);
  return output;
}

call('load_bundle', readFileSync(join(model, 'bundle.lbb')));
call('push_shard', readFileSync(join(model, 'shard.lbs')));

/** Reads what the check needs of a postcard-encoded response and request: items and logits. */
class Reader {
  constructor(bytes) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = 8;
  }
  number() {
    let [value, shift] = [0n, 0n];
    for (;;) {
      const byte = this.view.getUint8(this.at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
      shift += 7n;
    }
  }
  text() {
    const length = Number(this.number());
    this.at += length;
  }
  float() {
    this.at += 4;
    return this.view.getFloat32(this.at - 4, true);
  }
}

/** The logits of each item of a response. */
function answered(bytes) {
  const reader = new Reader(bytes);
  reader.number();
  reader.text();
  reader.at += 64;
  reader.number();
  const logits = new Map();
  for (let left = Number(reader.number()); left > 0; left--) {
    const item = reader.number();
    reader.at += 12;
    if (reader.view.getUint8(reader.at++) !== 1) throw new Error(`item ${item} was not scored by the model`);
    logits.set(item, [reader.float(), reader.float()]);
    reader.number();
    reader.at += 1;
  }
  return logits;
}

let request;
let items;
let response;
await serve({
  async prepare(fixture, search) {
    request = fixture.request(search);
    items = fixture.items.map(BigInt);
    // Functions are compiled at their first call, which takes longer than any request.
    call('rank', request);
    return undefined;
  },
  async run() {
    const started = process.hrtime.bigint();
    response = call('rank', request);
    return process.hrtime.bigint() - started;
  },
  logits() {
    const logits = answered(response);
    return Float32Array.from(items.flatMap((item) => logits.get(item)));
  },
});
