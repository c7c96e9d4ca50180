/**
 * The dashboard and the API reference: built files, served as they are or as the compressed file that the build put beside
 * them (`x.js.br`, `x.js.gz`), and pages. Every address that is no file and could be one of the dashboard's gets the
 * dashboard, which finds its way by itself; nothing outside the folder is ever read.
 */
import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { extname, join, normalize, sep } from 'node:path';
import { Readable } from 'node:stream';
import { reservedSegments } from '@mainstay/contract/public-url';
import { accepts } from './content-encoding.ts';
import type { Pages } from './pages.ts';

const types: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.map': 'application/json',
};

const encodings = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
] as const;

/** The answer to a GET or HEAD of this path; null where there is nothing. */
export async function staticFile(root: string, pages: Pages, request: Request, path: string): Promise<Response | null> {
  const file = fileOf(root, path);
  if (file === null) return null;
  const found = await statFile(file);
  if (found) return extname(file) === '.html' ? pages(request, file) : fileResponse(root, request, file, found);
  return isPageAddress(request, path) ? pages(request, join(root, 'index.html')) : null;
}

/** The file that a path names, whether it is there or not; null when it would be outside the folder. */
function fileOf(root: string, path: string): string | null {
  let decoded: string;
  try {
    decoded = decodeURIComponent(path);
  } catch {
    return null;
  }
  if (decoded.includes('\0')) return null;
  const file = normalize(join(root, decoded));
  return file.startsWith(root + sep) ? file : null;
}

async function statFile(file: string): Promise<Stats | null> {
  const found = await stat(file).catch(() => null);
  return found?.isFile() ? found : null;
}

async function fileResponse(root: string, request: Request, file: string, found: Stats): Promise<Response> {
  const isHashed = file.startsWith(join(root, 'assets') + sep) && /[.-][A-Za-z0-9_-]{8,}\.[a-z0-9]+$/.test(file);
  const headers: Record<string, string> = {
    'content-type': types[extname(file)] ?? 'application/octet-stream',
    'content-length': String(found.size),
    'cache-control': isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
  };
  let sent = file;
  for (const { name, extension } of encodings) {
    const smaller = accepts(request, name) ? await statFile(file + extension) : null;
    if (!smaller) continue;
    sent = file + extension;
    headers['content-encoding'] = name;
    headers['content-length'] = String(smaller.size);
    break;
  }
  const body = request.method === 'HEAD' ? null : (Readable.toWeb(createReadStream(sent)) as ReadableStream);
  return new Response(body, { headers });
}

/** Whether the dashboard may answer for this path: not where programs ask, nor for a file that is missing. */
function isPageAddress(request: Request, path: string): boolean {
  const segments = path.split('/');
  if (reservedSegments.includes(segments[1] ?? '')) return false;
  return !segments.at(-1)?.includes('.') || (request.headers.get('accept') ?? '').includes('text/html');
}
