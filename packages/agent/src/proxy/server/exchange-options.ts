/** What an exchange is made of, and the request head that it makes of that for the backend. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ProxyLimits } from './limits.ts';
import type { RequestHead } from './request-head.ts';
import type { Service } from './service.ts';

export type ExchangeOptions = {
  request: IncomingMessage;
  response: ServerResponse;
  service: Service;
  head: RequestHead;
  /** Path and query for the backend. */
  target: string;
  /** Prefix that was taken off, or null. */
  prefix: string | null;
  /** Whether the answer says which release gave it. */
  internal: boolean;
  expects_continue: boolean;
  /** The client's socket and what came behind the head, for a WebSocket. */
  tunnel: { socket: Socket; rest: Buffer } | null;
  listener: { closing: boolean };
  limits: ProxyLimits;
};

/** The head of the request for the backend, framing and hop-by-hop fields written anew. */
export function requestText(options: ExchangeOptions, method: string): string {
  const { head, target, prefix, tunnel, expects_continue, service } = options;
  let text = `${method} ${target} HTTP/1.1\r\nHost: ${head.host || service.name}\r\n${head.lines}`;
  if (prefix !== null) text += `X-Forwarded-Prefix: ${prefix}\r\n`;
  if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
  else if (head.length >= 0) text += `Content-Length: ${head.length}\r\n`;
  if (tunnel) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
  else if (head.accepts_trailers) text += 'Connection: TE\r\nTE: trailers\r\n';
  if (expects_continue) text += 'Expect: 100-continue\r\n';
  return `${text}\r\n`;
}
