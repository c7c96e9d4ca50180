/**
 * The body of a request on its way to the backend: as fast as the backend takes it, framed anew, trailers included.
 * It is not read before a backend is there. When the answer was sooner than its end, the rest is read and dropped.
 */
import type { IncomingMessage } from 'node:http';
import { passableTrailers } from './chunked.ts';
import type { ProxyLimits } from './limits.ts';
import type { UpstreamConnection } from './upstream-connection.ts';

export class RequestBody {
  started = false;
  done = false;
  /** When a byte last moved, or the backend last made room. */
  active_at = 0;
  private readonly request: IncomingMessage;
  private readonly chunked: boolean;
  private readonly limits: ProxyLimits;
  private readonly onTooLarge: () => void;
  private connection: UpstreamConnection | null = null;
  private bytes = 0;

  constructor(request: IncomingMessage, chunked: boolean, limits: ProxyLimits, onTooLarge: () => void) {
    this.request = request;
    this.chunked = chunked;
    this.limits = limits;
    this.onTooLarge = onTooLarge;
  }

  /** Whether the backend waits for the client, and not the other way round. */
  get awaited(): boolean {
    return this.started && !this.done && !this.request.isPaused();
  }

  start(connection: UpstreamConnection): void {
    this.started = true;
    this.connection = connection;
    this.active_at = performance.now();
    this.request.on('data', (chunk: Buffer) => this.take(chunk));
    this.request.on('end', () => this.end());
  }

  onDrain(): void {
    this.active_at = performance.now();
    if (this.request.isPaused()) this.request.resume();
  }

  /** The exchange is over. What still comes is dropped, for as long as a body may pause. */
  abandon(): void {
    this.connection = null;
    if (this.done || !this.started) return;
    const timer = setTimeout(() => {
      if (!this.done) this.request.socket.destroy();
    }, this.limits.request_body_idle_ms);
    timer.unref();
    if (this.request.isPaused()) this.request.resume();
  }

  private take(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > this.limits.request_body_bytes_max) {
      this.onTooLarge();
      return;
    }
    if (!this.connection) return;
    this.active_at = performance.now();
    const { socket } = this.connection;
    let room: boolean;
    if (this.chunked) {
      socket.cork();
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
      socket.write(chunk);
      room = socket.write('\r\n', 'latin1');
      socket.uncork();
    } else room = socket.write(chunk);
    if (!room) this.request.pause();
  }

  private end(): void {
    this.done = true;
    if (!this.connection) return;
    this.active_at = performance.now();
    if (this.chunked) {
      let text = '0\r\n';
      for (const [name, value] of passableTrailers(this.request.rawTrailers)) text += `${name}: ${value}\r\n`;
      this.connection.socket.write(`${text}\r\n`, 'latin1');
    }
    this.connection.request_sent = true;
  }
}
