/**
 * One request and its answer, from the client to a backend and back. A class, because one is made for every request.
 *
 * ```
 * waiting ──▶ connecting ──▶ sent ──▶ streaming ──▶ done
 *    ▲            │ refused    │  └──▶ tunnel ─────▶ done
 *    └────────────┴────────────┘ repeated only when nothing can have been acted upon
 * ```
 * Invariants: the body of a request is not read before a backend is connected, so a request that found no backend can be
 * sent again; an answer that has begun is never ended cleanly unless it was whole; whichever side goes, the other is told.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { type Answer, sendAnswer } from './answers.ts';
import type { Backend, BackendUser } from './backend.ts';
import { passableTrailers } from './chunked.ts';
import type { ProxyLimits } from './limits.ts';
import { observeAnswer } from './metrics.ts';
import type { RequestHead } from './request-head.ts';
import { ProtocolError, type ResponseHead } from './response-head.ts';
import type { Service } from './service.ts';
import { joinTunnel, switchingHead } from './tunnel.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

const waiting = 0;
const connecting = 1;
const sent = 2;
const streaming = 3;
const tunnelled = 4;
const done = 5;

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE']);
/** How long a backend may leave `Expect: 100-continue` without an answer before the body is sent all the same. */
const continue_ms = 1_000;

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

export class Exchange implements BackendUser {
  private readonly o: ExchangeOptions;
  private readonly method: string;
  private readonly repeatable: boolean;
  private readonly started_at = performance.now();
  private phase = waiting;
  private backend: Backend | null = null;
  private connection: UpstreamConnection | null = null;
  private refusals = 0;
  private repeated = false;
  private active_at = 0;
  private body_started = false;
  private body_done: boolean;
  private body_bytes = 0;
  private head_flushed = false;
  private upstream_paused = false;

  constructor(options: ExchangeOptions) {
    this.o = options;
    this.method = options.request.method!;
    this.body_done = options.head.body === 'none';
    this.repeatable = this.body_done && options.tunnel === null && idempotent.has(this.method);
    options.service.metrics.in_flight++;
    options.response.on('close', () => this.onClientGone());
  }

  /** Goes to the service's active backend, or waits while it is held. */
  dispatch(): void {
    if (this.phase === done) return;
    const { service, tunnel } = this.o;
    this.phase = waiting;
    if (service.held) {
      if (!service.wait(this)) this.unavailable('Too many requests are waiting for this service.');
      return;
    }
    const backend = service.active;
    if (!backend) return this.unavailable('The service does not run at the moment.');
    if (backend.full) return this.unavailable('The service has too many requests open.');
    this.phase = connecting;
    this.backend = backend;
    backend.users.add(this);
    const connection = tunnel || this.repeated ? null : backend.take(this.repeatable);
    if (connection) this.onConnected(connection);
    else this.connection = backend.connect(this, tunnel !== null);
  }

  onConnected(connection: UpstreamConnection): void {
    const { head, target, prefix, tunnel, expects_continue } = this.o;
    this.connection = connection;
    this.phase = sent;
    this.active_at = performance.now();
    let text = `${this.method} ${target} HTTP/1.1\r\nHost: ${head.host || this.o.service.name}\r\n${head.lines}`;
    if (prefix !== null) text += `X-Forwarded-Prefix: ${prefix}\r\n`;
    if (head.body === 'chunked') text += 'Transfer-Encoding: chunked\r\n';
    else if (head.length >= 0) text += `Content-Length: ${head.length}\r\n`;
    if (tunnel) text += 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    else if (head.accepts_trailers) text += 'Connection: TE\r\nTE: trailers\r\n';
    if (expects_continue) text += 'Expect: 100-continue\r\n';
    connection.start(this, this.method, `${text}\r\n`, this.body_done);
    if (!this.body_done && !expects_continue) this.startBody();
  }

  private startBody(): void {
    this.body_started = true;
    this.o.request.on('data', (chunk: Buffer) => this.onBodyChunk(chunk));
    this.o.request.on('end', () => this.onBodyEnd());
  }

  private onBodyChunk(chunk: Buffer): void {
    this.body_bytes += chunk.length;
    if (this.body_bytes > this.o.limits.request_body_bytes_max) {
      const message = `The body must not be larger than ${this.o.limits.request_body_bytes_max} bytes.`;
      return this.end({ status: 413, code: 'TooLarge', message, close: true });
    }
    // The answer came before the body was whole: what is left of it is read and dropped.
    if (this.phase === done || !this.connection) return;
    this.active_at = performance.now();
    const { socket } = this.connection;
    let room: boolean;
    if (this.o.head.body === 'chunked') {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      room = socket.write('\r\n', 'latin1');
      socket.uncork();
    } else room = socket.write(chunk);
    if (!room) this.o.request.pause();
  }

  private onBodyEnd(): void {
    this.body_done = true;
    if (this.phase === done || !this.connection) return;
    this.active_at = performance.now();
    if (this.o.head.body === 'chunked') {
      let text = '0\r\n';
      for (const [name, value] of passableTrailers(this.o.request.rawTrailers)) text += `${name}: ${value}\r\n`;
      this.connection.socket.write(`${text}\r\n`, 'latin1');
    }
    this.connection.request_sent = true;
  }

  onDrain(): void {
    this.active_at = performance.now();
    if (this.body_started && this.o.request.isPaused()) this.o.request.resume();
  }

  onInformation(head: ResponseHead): void {
    if (head.status === 100) {
      if (this.o.expects_continue) this.continueBody();
      return;
    }
    if (head.status !== 103 || this.o.request.httpVersionMinor === 0 || this.o.tunnel) return;
    const hints: Record<string, string[]> = {};
    for (let i = 0; i < head.headers.length; i += 2) {
      (hints[head.headers[i]!.toLowerCase()] ??= []).push(head.headers[i + 1]!);
    }
    try {
      this.o.response.writeEarlyHints(hints);
    } catch {
      // Hints that node:http does not take are only hints.
    }
  }

  private continueBody(): void {
    if (this.body_started || this.body_done) return;
    this.o.response.writeContinue();
    this.startBody();
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { response, internal, listener } = this.o;
    if (internal) head.headers.push('x-mainstay-release', this.backend!.release_id);
    // A client that was not told to continue may send the body or not, so its connection cannot be used again.
    if (listener.closing || this.o.tunnel || (!this.body_done && !this.body_started)) response.shouldKeepAlive = false;
    response.writeHead(head.status, head.reason, head.headers);
    this.phase = streaming;
    observeAnswer(this.o.service.metrics, head.status, performance.now() - this.started_at);
    if (whole !== null) {
      response.end(whole, 'latin1');
      this.finish();
      return;
    }
    response.on('drain', () => this.onClientDrain());
    // The head goes with the first bytes of the body when they came with it, and alone when they did not.
    process.nextTick(() => {
      if (!this.head_flushed && this.phase === streaming) response.flushHeaders();
    });
  }

  onBody(chunk: Buffer): void {
    this.head_flushed = true;
    if (!this.o.response.write(chunk) && !this.upstream_paused && this.connection) {
      this.upstream_paused = true;
      this.connection.socket.pause();
    }
  }

  private onClientDrain(): void {
    if (!this.upstream_paused) return;
    this.upstream_paused = false;
    if (this.phase === streaming) this.connection?.socket.resume();
  }

  onEnd(trailers: readonly string[]): void {
    const { response } = this.o;
    if (this.phase !== streaming) return;
    if (trailers.length > 0) {
      try {
        response.addTrailers(passableTrailers(trailers));
      } catch (error) {
        return this.onFailed(error as Error);
      }
    }
    response.end();
    this.finish();
  }

  onSwitched(head: ResponseHead, upstream: Socket, rest: Buffer): void {
    const { tunnel, response } = this.o;
    const text = tunnel && switchingHead(head, this.o.internal ? this.backend!.release_id : null);
    if (!tunnel || !text) {
      upstream.destroy();
      return this.onFailed(new ProtocolError('The backend switched protocols without being asked.'));
    }
    this.phase = tunnelled;
    observeAnswer(this.o.service.metrics, 101, performance.now() - this.started_at);
    response.detachSocket(tunnel.socket);
    tunnel.socket.write(text, 'latin1');
    joinTunnel({ client: tunnel.socket, upstream, from_client: tunnel.rest, from_upstream: rest }, () => this.finish());
  }

  /** The connection failed, before or after it was made. */
  onFailed(error: Error): void {
    const { connection, o } = this;
    this.release();
    if (this.phase === connecting) {
      const delay_ms = o.limits.refused_retry_delays_ms[this.refusals];
      const code = (error as NodeJS.ErrnoException).code;
      if (code === 'ETIMEDOUT') {
        return this.end({ status: 504, code: 'Timeout', message: 'The service did not take the connection in time.' });
      }
      if (delay_ms === undefined) {
        return this.end({ status: 502, code: 'Unavailable', message: 'The service refuses connections.' });
      }
      this.refusals++;
      o.service.metrics.retries++;
      this.phase = waiting;
      setTimeout(() => this.dispatch(), delay_ms);
      return;
    }
    if (this.phase === sent && this.repeatable && !this.repeated && connection?.reused && !connection.answered) {
      this.repeated = true;
      o.service.metrics.retries++;
      return this.dispatch();
    }
    const message =
      error instanceof ProtocolError
        ? 'The service gave an answer that is not valid HTTP.'
        : 'The service closed the connection before it answered.';
    this.end({ status: 502, code: 'Unavailable', message });
  }

  onWaitedTooLong(): void {
    this.unavailable('The service was held for longer than a request may wait.');
  }

  onCut(): void {
    this.end({ status: 502, code: 'Unavailable', message: 'The service was stopped before it answered.' });
  }

  onSweep(now_ms: number): void {
    if (this.phase !== sent) return;
    const idle_ms = now_ms - this.active_at;
    if (!this.body_done && !this.body_started) {
      if (idle_ms > continue_ms) this.continueBody();
    } else if (!this.body_done && !this.o.request.isPaused()) {
      if (idle_ms <= this.o.limits.request_body_idle_ms) return;
      this.end({ status: 408, code: 'Timeout', message: 'The body of the request stopped coming.', close: true });
    } else if (idle_ms > this.o.limits.response_head_timeout_ms) {
      this.end({ status: 504, code: 'Timeout', message: 'The service did not answer in time.' });
    }
  }

  /** The client's connection broke, or its stream of requests can no longer be read. */
  onClientGone(): void {
    if (this.phase === done) return;
    if (this.phase === waiting) this.o.service.forget(this);
    if (this.phase === streaming) this.o.service.metrics.broken++;
    this.connection?.destroy();
    this.finish();
  }

  private unavailable(message: string): void {
    this.end({ status: 503, code: 'Unavailable', message, hint: 'Repeat the request in a moment.', retry_after_s: 2 });
  }

  /** Ends the exchange before its time: by an answer, or by breaking what has begun. */
  private end(answer: Answer): void {
    if (this.phase === done) {
      if (answer.close) this.o.request.socket.destroy();
      return;
    }
    const { request, response, service, tunnel } = this.o;
    this.connection?.destroy();
    if (this.phase === streaming || this.phase === tunnelled) {
      service.metrics.broken++;
      this.finish();
      // A reset, so that no client takes the end of the stream for the end of the answer.
      (tunnel?.socket ?? request.socket).resetAndDestroy();
      return;
    }
    observeAnswer(service.metrics, answer.status, performance.now() - this.started_at);
    this.finish();
    if (tunnel) response.on('finish', () => tunnel.socket.destroySoon());
    sendAnswer(request, response, { ...answer, close: answer.close || !this.body_done || tunnel !== null });
  }

  private release(): void {
    this.backend?.users.delete(this);
    this.backend = null;
    this.connection = null;
  }

  private finish(): void {
    this.phase = done;
    this.release();
    this.o.service.metrics.in_flight--;
    if (this.body_done || !this.body_started) return;
    const timer = setTimeout(() => {
      if (!this.body_done) this.o.request.socket.destroy();
    }, this.o.limits.request_body_idle_ms);
    timer.unref();
    if (this.o.request.isPaused()) this.o.request.resume();
  }
}
