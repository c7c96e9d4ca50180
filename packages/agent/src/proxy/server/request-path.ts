/**
 * Which service a request path goes to. Invariant: a request never leaves its route, because the proxy and the backend
 * cannot read the path differently in a way that matters.
 *
 * The path is matched as it was sent and forwarded byte for byte (a stripped prefix apart); nothing is decoded or merged,
 * so `%2F` stays data (package registries need it) and `//` stays `//`. What could be read as a step out of the route is
 * refused instead of repaired: `.` and `..` segments, also when written with `%2e`, `%2f`, `%5c` or `;`, backslashes, NUL,
 * malformed escapes and fragments. Browsers and HTTP libraries resolve dot segments before they send.
 */
import type { ProxyRoute } from '../proxy.ts';

const suspicious = /\/\.|[%\\#]/;
const dotSegment = /(^|\/)\.{1,2}(;[^/]*)?(\/|$)/;

/** Why a path may not be forwarded, or null. */
export function refusalOfPath(target: string): string | null {
  const query = target.indexOf('?');
  const path = query < 0 ? target : target.slice(0, query);
  if (path.charCodeAt(0) !== 47) return 'The request target must be a path that begins with a slash.';
  if (target.includes('#')) return 'The request target must not hold a fragment (#).';
  if (!suspicious.test(path)) return null;
  if (path.includes('\\')) return 'The path must not hold a backslash.';
  if (/%(?![0-9a-f]{2})/i.test(path)) return 'The path holds a malformed percent escape.';
  if (path.includes('%00')) return 'The path must not hold a NUL.';
  const read = path
    .replace(/%2e/gi, '.')
    .replace(/%2f|%5c/gi, '/')
    .replace(/%3b/gi, ';');
  return dotSegment.test(read) ? 'The path must not hold "." or ".." segments, encoded or not.' : null;
}

/** The origin-form of a request target, and the authority when it came in absolute-form (RFC 9112 §3.2.2). */
export function originForm(target: string): { path: string; authority: string | null } {
  if (target.charCodeAt(0) === 47) return { path: target, authority: null };
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (!absolute) return { path: target, authority: null };
  const rest = absolute[2]!;
  return { path: rest.startsWith('/') ? rest : `/${rest}`, authority: absolute[1]! };
}

/** Routes in the order in which they are tried: longest prefix first. */
export function orderRoutes(routes: readonly ProxyRoute[]): ProxyRoute[] {
  return [...routes].sort((a, b) => b.prefix.length - a.prefix.length);
}

/** The route with the longest prefix that ends on a segment boundary. `ordered` comes from `orderRoutes`. */
export function matchRoute(ordered: readonly ProxyRoute[], target: string): ProxyRoute | null {
  for (let i = 0; i < ordered.length; i++) {
    const route = ordered[i]!;
    const { prefix } = route;
    if (prefix === '/') return route;
    if (!target.startsWith(prefix)) continue;
    const next = target.charCodeAt(prefix.length);
    if (target.length === prefix.length || next === 47 || next === 63) return route;
  }
  return null;
}

/** The target without the prefix; it begins with exactly one slash, so that no backend takes `//x` for a host. */
export function stripPrefix(target: string, prefix: string): string {
  if (prefix === '/') return target;
  const rest = target.slice(prefix.length);
  if (rest.charCodeAt(0) !== 47) return `/${rest}`;
  return rest.charCodeAt(1) === 47 ? rest.replace(/^\/+/, '/') : rest;
}
