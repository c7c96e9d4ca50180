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
import type { Socket } from 'node:net';
import { type Answer, sendAnswer, sendEarlyHints } from './answers.ts';
import type { Backend, BackendUser } from './backend.ts';
import { passableTrailers } from './chunked.ts';
import { type ExchangeOptions, requestText } from './exchange-options.ts';
import { observeAnswer } from './metrics.ts';
import { RequestBody } from './request-body.ts';
import { ProtocolError, type ResponseHead } from './response-head.ts';
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
  private sent_at = 0;
  private readonly body: RequestBody | null = null;
  private head_flushed = false;
  private upstream_paused = false;

  constructor(options: ExchangeOptions) {
    this.o = options;
    this.method = options.request.method!;
    const { request, head, limits } = options;
    if (head.body !== 'none') {
      this.body = new RequestBody(request, head.body === 'chunked', limits, () => this.onBodyTooLarge());
    }
    this.repeatable = !this.body && options.tunnel === null && idempotent.has(this.method);
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
    if (!backend) {
      this.unavailable('The service does not run at the moment.');
      return;
    }
    if (backend.full) {
      this.unavailable('The service has too many requests open.');
      return;
    }
    this.phase = connecting;
    this.backend = backend;
    backend.users.add(this);
    const connection = tunnel || this.repeated ? null : backend.take(this.repeatable);
    if (connection) this.onConnected(connection);
    else this.connection = backend.connect(this, tunnel !== null);
  }

  onConnected(connection: UpstreamConnection): void {
    this.connection = connection;
    this.phase = sent;
    this.sent_at = performance.now();
    const text = requestText(this.o, this.method);
    connection.start(this, this.method, text, this.body === null);
    if (!this.o.expects_continue) this.body?.start(connection);
  }

  onDrain(): void {
    this.body?.onDrain();
  }

  onInformation(head: ResponseHead): void {
    if (head.status === 100) {
      if (this.o.expects_continue) this.continueBody();
      return;
    }
    if (head.status !== 103 || this.o.request.httpVersionMinor === 0 || this.o.tunnel) return;
    sendEarlyHints(this.o.response, head.headers);
  }

  private continueBody(): void {
    if (!this.body || this.body.started || !this.connection) return;
    this.o.response.writeContinue();
    this.body.start(this.connection);
  }

  onHead(head: ResponseHead, whole: string | null): void {
    const { response, internal, listener } = this.o;
    if (internal) head.headers.push('x-mainstay-release', this.backend!.release_id);
    // A client that was not told to continue may send the body or not, so its connection cannot be used again.
    if (listener.closing || this.o.tunnel || (this.body && !this.body.started)) response.shouldKeepAlive = false;
    // A backend that declines to switch: node:http no longer looks after the socket.
    if (this.o.tunnel) this.closeAfterAnswer();
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
        this.onFailed(error as Error);
        return;
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
      this.onFailed(new ProtocolError('The backend switched protocols without being asked.'));
      return;
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
        this.end({ status: 504, code: 'Timeout', message: 'The service did not take the connection in time.' });
        return;
      }
      if (delay_ms === undefined) {
        this.end({ status: 502, code: 'Unavailable', message: 'The service refuses connections.' });
        return;
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
      this.dispatch();
      return;
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
    const { body } = this;
    const idle_ms = now_ms - Math.max(this.sent_at, body?.active_at ?? 0);
    if (body && !body.started) {
      if (idle_ms > continue_ms) this.continueBody();
    } else if (body?.awaited) {
      if (idle_ms <= this.o.limits.request_body_idle_ms) return;
      this.end({ status: 408, code: 'Timeout', message: 'The body of the request stopped coming.', close: true });
    } else if (idle_ms > this.o.limits.response_head_timeout_ms) {
      this.end({ status: 504, code: 'Timeout', message: 'The service did not answer in time.' });
    }
  }

  private onBodyTooLarge(): void {
    const message = `The body must not be larger than ${this.o.limits.request_body_bytes_max} bytes.`;
    if (this.phase === done) this.o.request.socket.destroy();
    else this.end({ status: 413, code: 'TooLarge', message, close: true });
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
    if (this.phase === done) return;
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
    if (tunnel) this.closeAfterAnswer();
    sendAnswer(request, response, {
      ...answer,
      close: answer.close || (this.body !== null && !this.body.done) || tunnel !== null,
    });
  }

  private closeAfterAnswer(): void {
    this.o.response.on('finish', () => this.o.tunnel?.socket.destroySoon());
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
    this.body?.abandon();
  }
}
