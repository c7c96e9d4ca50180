/**
 * Reads the head of a backend's answer, strictly: an answer whose end could be understood in two ways is refused, and
 * becomes 502. Names and values are checked for forbidden characters when they are written to the client by node:http.
 */
export type ResponseHead = {
  status: number;
  reason: string;
  /** Name, value, name, value… without the hop-by-hop fields and what Connection names; framing apart from the length. */
  headers: string[];
  framing: 'none' | 'length' | 'chunked' | 'close';
  /** Bytes of the body, when the framing is 'length'. */
  length: number;
  keep_alive: boolean;
  /** What the backend allows an idle connection, from `Keep-Alive: timeout=`; null when it does not say. */
  idle_ms: number | null;
  /** Value of Upgrade, for 101. */
  upgrade: string | null;
};

/** The backend's answer breaks HTTP/1.1. */
export class ProtocolError extends Error {}

let lastKeepAlive = '';
let lastIdle: number | null = null;

/** Servers send the same value in every answer, so the last reading is kept. */
function idleOf(value: string): number | null {
  if (value !== lastKeepAlive) {
    const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1];
    lastIdle = seconds === undefined ? null : Number(seconds) * 1_000;
    lastKeepAlive = value;
  }
  return lastIdle;
}

/** Reads a head: status line and fields, without the empty line at its end. `method` decides whether a body follows. */
export function readResponseHead(text: string, method: string): ResponseHead {
  let end = text.indexOf('\r\n');
  if (end < 0) end = text.length;
  const minor = text.charCodeAt(7) - 48;
  const status = Number(text.slice(9, 12));
  const space = text.charCodeAt(12);
  if (
    !text.startsWith('HTTP/1.') ||
    (minor !== 0 && minor !== 1) ||
    text.charCodeAt(8) !== 32 ||
    !(status >= 100 && status <= 999) ||
    !(end === 12 || space === 32)
  ) {
    throw new ProtocolError('The answer does not begin with an HTTP/1 status line.');
  }
  const reason = text.slice(13, end);
  const headers: string[] = [];
  let keep_alive = minor === 1;
  let idle_ms: number | null = null;
  let length = -1;
  let chunked = false;
  let upgrade: string | null = null;
  let named: string[] | null = null;
  let at = end + 2;
  while (at < text.length) {
    end = text.indexOf('\r\n', at);
    if (end < 0) end = text.length;
    const colon = text.indexOf(':', at);
    const first = text.charCodeAt(at);
    if (colon <= at || colon > end || first === 32 || first === 9) {
      throw new ProtocolError('The answer holds a header line that is not "name: value".');
    }
    const name = text.slice(at, colon);
    const value = text.slice(colon + 1, end).trim();
    at = end + 2;
    switch (name.length) {
      case 7: {
        const lower = name.toLowerCase();
        if (lower === 'upgrade') {
          upgrade = value;
          continue;
        }
        break;
      }
      case 10: {
        const lower = name.toLowerCase();
        if (lower === 'keep-alive') {
          idle_ms = idleOf(value);
          continue;
        }
        if (lower === 'connection') {
          const option = value.toLowerCase();
          if (option === 'keep-alive') keep_alive = true;
          else if (option === 'close') keep_alive = false;
          else {
            for (const token of option.split(',').map((part) => part.trim())) {
              if (token === 'close') keep_alive = false;
              else if (token !== 'keep-alive' && token !== 'upgrade' && token !== '') named = [...(named ?? []), token];
            }
          }
          continue;
        }
        break;
      }
      case 14:
        if (name.toLowerCase() === 'content-length') {
          if (!/^\d{1,15}$/.test(value) || (length >= 0 && length !== Number(value))) {
            throw new ProtocolError('The answer has a Content-Length that is not valid.');
          }
          if (length >= 0) continue;
          length = Number(value);
        }
        break;
      case 16:
        if (name.toLowerCase() === 'proxy-connection') continue;
        break;
      case 17:
        if (name.toLowerCase() === 'transfer-encoding') {
          if (chunked || value.toLowerCase() !== 'chunked' || minor === 0) {
            throw new ProtocolError('The answer has a Transfer-Encoding other than "chunked".');
          }
          chunked = true;
          continue;
        }
        break;
      case 18:
        // Only the proxy itself says which release served.
        if (name.toLowerCase() === 'x-mainstay-release') continue;
        break;
    }
    headers.push(name, value);
  }
  if (chunked && length >= 0) throw new ProtocolError('The answer has both Content-Length and Transfer-Encoding.');
  const bodyless = method === 'HEAD' || status < 200 || status === 204 || status === 304;
  return {
    status,
    reason,
    headers: prune(headers, named, status < 200 || status === 204, chunked && !bodyless),
    framing: bodyless || length === 0 ? 'none' : chunked ? 'chunked' : length > 0 ? 'length' : 'close',
    length,
    keep_alive,
    idle_ms,
    upgrade,
  };
}

/** Takes out what Connection names, a length where none may stand, and Trailer where no trailers can follow. */
function prune(headers: string[], named: string[] | null, noLength: boolean, trailers: boolean): string[] {
  if (!named && !noLength && trailers) return headers;
  let kept: string[] | null = null;
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!;
    const out =
      (!trailers && name.length === 7 && name.toLowerCase() === 'trailer') ||
      (noLength && name.length === 14 && name.toLowerCase() === 'content-length') ||
      named?.includes(name.toLowerCase());
    if (out) kept ??= headers.slice(0, i);
    else kept?.push(name, headers[i + 1]!);
  }
  return kept ?? headers;
}
