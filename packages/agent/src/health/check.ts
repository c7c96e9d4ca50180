/**
 * One health check, by http or tcp, on 127.0.0.1. No redirect is followed (3xx is a good answer), no more than a header
 * is read of the answer, and nothing outlasts the timeout.
 */

import * as net from 'node:net';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { http } from '@mainstay/runtime/node-http';

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

function checkHttp(health: HealthCheckSpec, port: number, signal?: AbortSignal): Promise<HealthResult> {
  const what = `GET ${health.path} on port ${port}`;
  const began = performance.now();
  return new Promise((resolve) => {
    const finish = (result: HealthResult) => {
      clearTimeout(timer);
      resolve(result);
      request.destroy();
    };
    const request = http.request({
      host: '127.0.0.1',
      port,
      path: health.path,
      method: 'GET',
      agent: false,
      headers: { 'user-agent': 'mainstay-health', accept: '*/*', connection: 'close' },
      ...(signal ? { signal } : {}),
    });
    const timer = setTimeout(
      () => finish(silent(`${what} gave no answer within ${health.timeout_seconds} s`)),
      health.timeout_seconds * 1000,
    );
    request.once('response', (response) => {
      const status = response.statusCode ?? 0;
      const answer = { latency_ms: Math.round(performance.now() - began), status };
      // What is left of a short body is read, so that the service does not see its client vanish.
      response.resume();
      if (status < 200 || status > 399) return finish(bad(`${what} answered ${status}`, answer));
      const good = () => finish({ ok: true, ...answer });
      response.once('close', good);
      if (Number(response.headers['content-length'] ?? Infinity) > 65_536) good();
      else setTimeout(good, 20).unref();
    });
    request.once('error', (error: NodeJS.ErrnoException) => finish(failed(what, error)));
    request.end();
  });
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
  if (error.name === 'AbortError') return silent(`${what} was given up`);
  if (error.code?.startsWith('HPE_')) return bad(`${what} answered something that is not HTTP`);
  return bad(`${what} broke off (${error.code ?? error.message})`);
}
