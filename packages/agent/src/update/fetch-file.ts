/** Fetches a file of the panel over the link's own protocol and authority: to memory, or to disk with its digest. Both are bounded. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { AppError } from '@mainstay/contract/errors';
import { http, loadHttps } from '@mainstay/runtime/node-http';

export type PanelAddress = { url: string; ca_file: string | null };
export type FetchRequest = { panel: PanelAddress; path: string; bytes_max: number; signal: AbortSignal };

/** Nothing came for so long. */
const silence_ms_max = 30_000;
const total_ms_max = 10 * 60_000;

/** @throws AppError Unavailable, NotFound, TooLarge. */
export async function fetchText(request: FetchRequest): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await fetchInto(request, (chunk) => chunks.push(chunk));
  return Buffer.concat(chunks);
}

/** Writes it to a new file, and gives its digest when all of it is on the disk. @throws as fetchText, and what writing throws. */
export async function fetchToFile(request: FetchRequest, path: string): Promise<string> {
  const hash = createHash('sha256');
  const file = openSync(path, 'w', 0o600);
  try {
    await fetchInto(request, (chunk) => {
      hash.update(chunk);
      for (let from = 0; from < chunk.length; ) from += writeSync(file, chunk, from);
    });
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

function fetchInto({ panel, path, bytes_max, signal }: FetchRequest, take: (chunk: Buffer) => void): Promise<void> {
  const base = new URL(panel.url);
  const target = new URL(base.pathname.replace(/\/$/, '') + path, base);
  const https = base.protocol === 'https:' ? loadHttps() : null;
  const tls = https && panel.ca_file ? { ca: readFileSync(panel.ca_file) } : {};
  const either = AbortSignal.any([signal, AbortSignal.timeout(total_ms_max)]);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) =>
      reject(
        error instanceof AppError
          ? error
          : new AppError('Unavailable', `${target.href} could not be fetched: ${error.message}`, { cause: error }),
      );
    const headers = { 'accept-encoding': 'gzip' };
    const request = (https ?? http).get(target, { ...tls, headers, signal: either, agent: false }, (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        const code = answer.statusCode === 404 ? 'NotFound' : 'Unavailable';
        return reject(new AppError(code, `${target.href} was answered with ${answer.statusCode}.`));
      }
      let size = 0;
      const plain = answer.headers['content-encoding'] === 'gzip' ? answer.pipe(createGunzip()) : answer;
      plain.on('data', (chunk: Buffer) => {
        size += chunk.length;
        try {
          if (size > bytes_max) throw new AppError('TooLarge', `${target.href} is larger than ${bytes_max} bytes.`);
          take(chunk);
        } catch (error) {
          // What came is refused now: an answer this short may have ended already.
          fail(error as Error);
          request.destroy();
        }
      });
      answer.once('error', fail);
      plain.once('error', fail);
      plain.once('end', () => (answer.complete ? resolve() : fail(new Error('the answer was cut'))));
    });
    request.setTimeout(silence_ms_max, () => request.destroy(new Error(`silence for ${silence_ms_max / 1000} s`)));
    request.once('error', fail);
    request.end();
  });
}
