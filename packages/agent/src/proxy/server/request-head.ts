/**
 * Reads the head of a request as the parser gave it, refuses what could be understood in two ways, and writes the header
 * lines for the backend. One pass over the raw headers: this runs for every request.
 *
 * Invariant: framing is never copied. Content-Length, Transfer-Encoding, Connection and the other hop-by-hop fields
 * (RFC 9110 §7.6.1), with all that Connection names, are left out here; the exchange writes its own.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ProxyLimits } from './limits.ts';

export type RequestHead = {
  /** Host of the request, as sent; '' for HTTP/1.0 without one. */
  host: string;
  /** Header lines for the backend, each ended by CRLF, framing left out. */
  lines: string;
  body: 'none' | 'length' | 'chunked';
  /** Bytes of the body, when it is 'length'. */
  length: number;
  accepts_trailers: boolean;
};
export type Refusal = { status: number; message: string };

const badHost = /[^\x21-\x7e]|[/\\@?#,]/;
const badPeerId = /[^\x21-\x7e]/;

/** Whether an address is of this machine: a tunnel or TLS terminator whose X-Forwarded-* fields are believed. */
function isLoopback(address: string): boolean {
  return address === '127.0.0.1' || address === '::1' || address.startsWith('127.');
}

/** Tokens of a Connection field that name other fields; null when there are none but the usual. */
function namedFields(value: string): string[] | null {
  const lower = value.toLowerCase();
  if (lower === 'keep-alive' || lower === 'close' || lower === 'upgrade') return null;
  const usual = new Set(['', 'keep-alive', 'close', 'upgrade', 'te', 'host']);
  const names = lower.split(',').map((token) => token.trim());
  const named = names.filter((name) => !usual.has(name));
  return named.length > 0 ? named : null;
}

/** Reads and checks a request head. `authority` overrides Host, as absolute-form demands. */
export function readRequestHead(
  request: IncomingMessage,
  authority: string | null,
  limits: ProxyLimits,
  dropped: ReadonlySet<string> | null = null,
): RequestHead | Refusal {
  const raw = request.rawHeaders;
  if (raw.length > limits.request_headers_max * 2) return { status: 431, message: 'Too many header fields.' };
  let lines = '';
  let host: string | null = null;
  let named: string[] | null = null;
  let length = -1;
  let chunked = false;
  let accepts_trailers = false;
  let forwarded_for = '';
  let forwarded_proto = '';
  let forwarded_host = '';
  let request_id = '';
  let peer = request.socket.remoteAddress ?? '';
  if (peer.startsWith('::ffff:')) peer = peer.slice(7);
  const believed = isLoopback(peer);
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!;
    const value = raw[i + 1]!;
    // Few lengths are those of a field that is treated apart, so most fields cost one switch.
    switch (name.length) {
      case 2:
        if (name.toLowerCase() === 'te') {
          if (/(^|[,\s])trailers\b/i.test(value)) accepts_trailers = true;
          continue;
        }
        break;
      case 4:
        if (name.toLowerCase() === 'host') {
          if (host !== null) return { status: 400, message: 'There must be one Host field, not several.' };
          host = value;
          continue;
        }
        break;
      case 6:
        if (name.toLowerCase() === 'expect') {
          if (value.toLowerCase() !== '100-continue') {
            return { status: 417, message: 'The only expectation that is known is 100-continue.' };
          }
          continue;
        }
        break;
      case 7:
        if (name.toLowerCase() === 'upgrade') continue;
        break;
      case 9:
        if (!believed && name.toLowerCase() === 'forwarded') continue;
        break;
      case 10: {
        const lower = name.toLowerCase();
        if (lower === 'keep-alive') continue;
        if (lower === 'connection') {
          const more = namedFields(value);
          if (more) named = named ? [...named, ...more] : more;
          continue;
        }
        break;
      }
      case 12:
        if (name.toLowerCase() === 'x-request-id') {
          if (value.length <= 128 && !badPeerId.test(value)) request_id ||= value;
          continue;
        }
        break;
      case 14:
        if (name.toLowerCase() === 'content-length') {
          if (length >= 0 || !/^\d{1,15}$/.test(value)) return { status: 400, message: 'Content-Length is not valid.' };
          length = Number(value);
          continue;
        }
        break;
      case 15:
        if (name.toLowerCase() === 'x-forwarded-for') {
          if (believed) forwarded_for += forwarded_for ? `, ${value}` : value;
          continue;
        }
        break;
      case 16: {
        const lower = name.toLowerCase();
        if (lower === 'proxy-connection') continue;
        if (lower === 'x-forwarded-host') {
          if (believed) forwarded_host ||= value;
          continue;
        }
        break;
      }
      case 17: {
        const lower = name.toLowerCase();
        if (lower === 'transfer-encoding') {
          if (chunked || value.toLowerCase() !== 'chunked' || request.httpVersionMinor === 0) {
            return {
              status: 400,
              message: 'The only Transfer-Encoding that is taken is "chunked", once, in HTTP/1.1.',
            };
          }
          chunked = true;
          continue;
        }
        if (lower === 'x-forwarded-proto') {
          if (believed) forwarded_proto ||= value;
          continue;
        }
        break;
      }
      case 18:
        if (name.toLowerCase() === 'x-forwarded-prefix') continue;
        break;
      case 19:
        if (name.toLowerCase() === 'proxy-authorization') continue;
        break;
    }
    if (dropped?.has(name.toLowerCase())) continue;
    lines += `${name}: ${value}\r\n`;
  }
  // Connection named other fields: read once more, without them.
  if (named && !dropped) return readRequestHead(request, authority, limits, new Set(named));
  if (chunked && length >= 0) {
    return { status: 400, message: 'Content-Length and Transfer-Encoding must not stand together.' };
  }
  if (length > limits.request_body_bytes_max) {
    return { status: 413, message: `The body must not be larger than ${limits.request_body_bytes_max} bytes.` };
  }
  const effectiveHost = authority ?? host ?? '';
  if (badHost.test(effectiveHost)) return { status: 400, message: 'The Host field is not a valid host.' };
  lines += `X-Forwarded-For: ${forwarded_for ? `${forwarded_for}, ${peer}` : peer}\r\nX-Forwarded-Proto: ${
    forwarded_proto || 'http'
  }\r\nX-Forwarded-Host: ${forwarded_host || effectiveHost}\r\nX-Request-Id: ${request_id || randomUUID()}\r\n`;
  return {
    host: effectiveHost,
    lines,
    body: chunked ? 'chunked' : length > 0 ? 'length' : 'none',
    length,
    accepts_trailers,
  };
}
