/**
 * Pages: HTML files in which two marks are replaced at every answer. `%NONCE%` becomes a fresh random nonce that the answer's
 * policy names too, so that the page's own library may add styles and nobody else; `%BASE%` becomes the path under which
 * people reach the control plane, for `<base href>`. Files are kept in memory, and read again when they changed.
 */
import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { textResponse } from './content-encoding.ts';

const everywhere = [
  "default-src 'none'",
  "script-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
];

/** The policy of everything that is not a page. */
export const contentSecurityPolicy = [...everywhere, "style-src 'self'", "base-uri 'none'"].join('; ');

function pagePolicy(nonce: string): string {
  return [...everywhere, `style-src 'self' 'nonce-${nonce}'`, "base-uri 'self'", "worker-src 'self'"].join('; ');
}

/** Gives the page of a file; null where there is no such file. */
export type Pages = (request: Request, file: string) => Promise<Response | null>;

/** @param prefix Path prefix of the public address; empty without one. */
export function createPages(prefix: string): Pages {
  const kept = new Map<string, { changed_at: number; text: string }>();
  const base = escaped(`${prefix}/`);
  return async (request, file) => {
    const found = await stat(file).catch(() => null);
    if (!found?.isFile()) return null;
    let page = kept.get(file);
    if (page?.changed_at !== found.mtimeMs) {
      page = { changed_at: found.mtimeMs, text: await readFile(file, 'utf8') };
      kept.set(file, page);
    }
    const nonce = randomBytes(18).toString('base64');
    const text = page.text.replaceAll('%NONCE%', () => nonce).replaceAll('%BASE%', () => base);
    return textResponse(request, text, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': pagePolicy(nonce),
      'cache-control': 'no-cache',
    });
  };
}

/** Text as it may stand in an attribute. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;').replaceAll('<', '&lt;');
}
