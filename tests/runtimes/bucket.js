// An R2 bucket over a folder: what workerd's own R2 binding asks of the service behind it.

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';

/** The code of Cloudflare's for an object that is not there, which the binding makes null of. */
const NO_SUCH_KEY = 10007;

export async function bucket(folder) {
  const server = createServer(async (request, response) => {
    const { method, object } = JSON.parse(request.headers['cf-r2-request'] ?? '{}');
    if (method !== 'get') return response.writeHead(501).end();
    const file = join(folder, object);
    const { size, mtimeMs } = await stat(file).catch(() => ({}));
    if (size === undefined) {
      const error = { version: 1, v4code: NO_SUCH_KEY, message: 'no such key' };
      return response.writeHead(404, { 'cf-r2-error': JSON.stringify(error) }).end();
    }
    const version = `${Math.trunc(mtimeMs)}-${size}`;
    const metadata = JSON.stringify({ name: object, version, etag: version, size, uploaded: Math.trunc(mtimeMs) });
    const length = Buffer.byteLength(metadata);
    response.writeHead(200, { 'cf-r2-metadata-size': length, 'content-length': length + size }).write(metadata);
    createReadStream(file).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { address: `127.0.0.1:${server.address().port}`, close: () => server.close() };
}
