/**
 * One health check, by http or tcp, on 127.0.0.1. No redirect is followed (3xx is a good answer), no more than a header
 * is read of the answer, and nothing outlasts the timeout.
 */

import * as net from 'node:net';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { onAbort } from '@mainstay/runtime/on-abort';
import { readResponseHead } from '../proxy/server/response-head.ts';

export type HealthCheckSpec = DesiredService['health'];

/** Whole milliseconds until the answer, and its HTTP status; null where there was none. */
type Answer = { latency_ms: number | null; status: number | null };

export type HealthResult = Answer &
  (
    | { ok: true }
    | {
        ok: false;
        /** `refused`: nothing listens. `silent`: connected, no answer in time. `bad`: answered, but not well. */
        reason: 'refused' | 'silent' | 'bad';
        message: string;
      }
  );

const no_answer: Answer = { latency_ms: null, status: null };

/** Checks once. Never rejects; an aborted check is `silent`. */
export function checkHealth(health: HealthCheckSpec, port: number, signal?: AbortSignal): Promise<HealthResult> {
  return health.type === 'http' ? checkHttp(health, port, signal) : checkTcp(health, port, signal);
}

/** As much of a head is read as node:http would read. */
const head_bytes_max = 16 * 1024;
/** What is left of a body up to this size is read, so that the service does not see its client vanish. */
const body_bytes_max = 65_536;
const body_wait_ms = 20;
/** All checks read into it: what was read is taken out of it before anything else is read. */
const read_buffer = Buffer.alloc(4_096);

/**
 * By a plain connection and the proxy's own reader of heads: checks are most of what an idle agent does, and a request of node:http
 * takes twice the processor time (ADR 0030).
 */
function checkHttp(health: HealthCheckSpec, port: number, signal?: AbortSignal): Promise<HealthResult> {
  const what = `GET ${health.path} on port ${port}`;
  const began = performance.now();
  return new Promise((resolve) => {
    let head = '';
    let result: HealthResult | null = null;
    let body_left = Number.POSITIVE_INFINITY;
    /** Says that nothing more is to be read. */
    const finish = (ended: HealthResult): false => {
      clearTimeout(timer);
      letGo?.();
      socket.destroy();
      resolve(ended);
      return false;
    };
    const abort = () => finish(silent(`${what} was given up`));
    const take = (bytes: number): boolean => {
      let body_bytes = bytes;
      if (!result) {
        head += read_buffer.toString('latin1', 0, bytes);
        const read = readHead(head);
        if (read === null) return true;
        if (read === 'not HTTP') return finish(notHttp(what));
        const answer = { latency_ms: Math.round(performance.now() - began), status: read.status };
        if (read.status > 399) return finish(bad(`${what} answered ${read.status}`, answer));
        result = { ok: true, ...answer };
        body_left = read.body_bytes;
        body_bytes = head.length - read.body_at;
        if (body_left > body_bytes_max && Number.isFinite(body_left)) body_left = 0;
        else if (body_bytes < body_left) setTimeout(finish, body_wait_ms, result).unref();
      }
      body_left -= body_bytes;
      return body_left <= 0 ? finish(result) : true;
    };
    const socket = net.connect({
      host: '127.0.0.1',
      port,
      onread: { buffer: read_buffer, callback: take },
    });
    const timer = setTimeout(
      () => finish(silent(`${what} gave no answer within ${health.timeout_seconds} s`)),
      health.timeout_seconds * 1000,
    );
    const letGo = signal && onAbort(signal, abort);
    socket.on('error', (error: NodeJS.ErrnoException) => finish(result ?? failed(what, error)));
    socket.on('end', () => finish(result ?? (head === '' ? brokeOff(what, 'ECONNRESET') : notHttp(what))));
    socket.write(
      `GET ${health.path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nuser-agent: mainstay-health\r\naccept: */*\r\nconnection: close\r\n\r\n`,
      'latin1',
    );
    if (signal?.aborted) abort();
  });
}

/** The final head of an answer, and how many bytes follow it; null while more is needed to tell. */
function readHead(text: string): { status: number; body_at: number; body_bytes: number } | 'not HTTP' | null {
  for (let at = 0; ; ) {
    const end = text.indexOf('\r\n\r\n', at);
    if (!text.startsWith('HTTP/'.slice(0, text.length - at), at)) return 'not HTTP';
    if (end < 0) return text.length - at < head_bytes_max ? null : 'not HTTP';
    try {
      const { status, framing, length } = readResponseHead(text.slice(at, end), 'GET');
      at = end + 4;
      // What comes before the answer itself, such as 103, is passed over; 101 was not asked for.
      if (status < 200 && status !== 101) continue;
      if (status < 200) return 'not HTTP';
      // A body in chunks is whole where it ends with the last one, and nothing is lost where it only looks so.
      const is_whole = framing === 'none' || (framing === 'chunked' && text.endsWith('\r\n0\r\n\r\n'));
      const body_bytes = is_whole ? 0 : framing === 'length' ? length : Number.POSITIVE_INFINITY;
      return { status, body_at: at, body_bytes };
    } catch {
      return 'not HTTP';
    }
  }
}

function checkTcp(health: HealthCheckSpec, port: number, signal?: AbortSignal): Promise<HealthResult> {
  const what = `a TCP connection to port ${port}`;
  const began = performance.now();
  return new Promise((resolve) => {
    const finish = (result: HealthResult) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.destroy();
      resolve(result);
    };
    const abort = () => finish(silent(`${what} was given up`));
    const socket = net.connect({ host: '127.0.0.1', port });
    const timer = setTimeout(
      () => finish(silent(`${what} was not made within ${health.timeout_seconds} s`)),
      health.timeout_seconds * 1000,
    );
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('connect', () => finish({ ok: true, latency_ms: Math.round(performance.now() - began), status: null }));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(failed(what, error)));
  });
}

function silent(message: string): HealthResult {
  return { ok: false, reason: 'silent', message, ...no_answer };
}

function bad(message: string, answer: Answer = no_answer): HealthResult {
  return { ok: false, reason: 'bad', message, ...answer };
}

function failed(what: string, error: NodeJS.ErrnoException): HealthResult {
  if (error.code === 'ECONNREFUSED')
    return { ok: false, reason: 'refused', message: `${what} was refused`, ...no_answer };
  return brokeOff(what, error.code ?? error.message);
}

function brokeOff(what: string, why: string): HealthResult {
  return bad(`${what} broke off (${why})`);
}

function notHttp(what: string): HealthResult {
  return bad(`${what} answered something that is not HTTP`);
}
