// POST /rank and GET /health, whatever serves them: JSON in, JSON out, errors as {"error": {"code", "message"}}.

import { memoryBytes } from 'lookback';

/** A history of 54,000 events is about 4 MB. */
const LARGEST_BODY = 16 << 20;
const STATUS = {
  BadMessage: 400,
  BadRequest: 400,
  TooLarge: 413,
  NotLoaded: 503,
  OutOfMemory: 503,
  BadShard: 500,
  Internal: 500,
};

/** Takes a method, a path and the body's chunks; resolves to `{ status, headers, body }`. */
export async function answer(versions, { method, path, body }) {
  if (path === '/health') return health(versions);
  if (path !== '/rank') return failure(404, 'NotFound', `there is no ${path}, only POST /rank and GET /health`);
  if (method !== 'POST')
    return failure(405, 'MethodNotAllowed', `${method} /rank: send the request with POST`, { allow: 'POST' });
  try {
    const request = parse(await read(body));
    // Looked up after the last await: the version may have changed while the body came.
    if (!versions.ranker)
      throw coded('NotLoaded', `no version is loaded yet: ${versions.error?.message ?? 'it is on its way'}`);
    return json(200, versions.ranker.rank(request));
  } catch (error) {
    // Anything else, a trap too, is a defect that the runtime should log.
    if (!(error.code in STATUS)) throw error;
    return failure(STATUS[error.code], error.code, error.message);
  }
}

function health({ ranker, error }) {
  const state = { versions: ranker?.versions(), memory_bytes: memoryBytes(), error: error?.message };
  return json(ranker ? 200 : 503, state);
}

async function read(body) {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let [text, size] = ['', 0];
  try {
    for await (const chunk of body ?? []) {
      size += chunk.length;
      if (size > LARGEST_BODY) break;
      text += decoder.decode(chunk, { stream: true });
    }
    if (size <= LARGEST_BODY) return text + decoder.decode();
  } catch (error) {
    throw coded('BadMessage', `the body cannot be read as UTF-8: ${error.message}`);
  }
  throw coded('TooLarge', `the body is larger than ${LARGEST_BODY} bytes; send the newest events only`);
}

/** JSON has no 64-bit integers: an item beyond 2^53 comes, and goes, as a string of digits. */
function parse(text) {
  let request;
  try {
    request = JSON.parse(text);
  } catch (error) {
    throw coded('BadMessage', `the body is not JSON: ${error.message}`);
  }
  const item = (id) => (typeof id === 'string' && /^[0-9]{1,20}$/.test(id) ? BigInt(id) : id);
  const rows = (list) =>
    Array.isArray(list) &&
    list.forEach((row) => {
      if (row?.item) row.item = item(row.item);
    });
  rows(request?.history);
  rows(request?.items);
  if (Array.isArray(request?.candidates)) request.candidates = request.candidates.map(item);
  return request;
}

function json(status, value, headers) {
  const body = JSON.stringify(value, (_, field) => (typeof field === 'bigint' ? String(field) : field));
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

const failure = (status, code, message, headers) => json(status, { error: { code, message } }, headers);
const coded = (code, message) => Object.assign(new Error(message), { code });
