/**
 * One connection to a backend: writes a request, reads the answer, tells its user. An HTTP/1.1 client of our own, and a
 * class, for the hot path: undici and node:http's client cannot send trailers or say whether a failed connection had
 * been used before (undici), or cost a third of the throughput (node:http).
 *
 * ```
 * connecting ──▶ head ──▶ fixed | chunked | until_close ──▶ idle ──▶ head …
 *                  └────▶ switched (101: the socket is the tunnel's)
 * ```
 * Invariant: a connection is idle only when both messages ended exactly where they had to; anything else destroys it.
 */
import { connect, type Socket } from 'node:net';
import { ChunkedDecoder } from './chunked.ts';
import { ProtocolError, type ResponseHead, readResponseHead } from './response-head.ts';

/** What a connection tells the exchange that uses it. */
export type UpstreamUser = {
  /** The head; with the whole body as latin1 text when that came along and is small. */
  onHead(head: ResponseHead, whole: string | null): void;
  onInformation(head: ResponseHead): void;
  /** Bytes of the body, which the user may keep. */
  onBody(chunk: Buffer): void;
  onEnd(trailers: readonly string[]): void;
  /** 101: the socket belongs to the user from now on; `rest` came behind the head. */
  onSwitched(head: ResponseHead, socket: Socket, rest: Buffer): void;
  onDrain(): void;
  onFailed(error: Error): void;
};

export type ConnectionOwner = {
  readonly port: number;
  readonly response_head_bytes_max: number;
  onConnected(connection: UpstreamConnection): void;
  onIdle(connection: UpstreamConnection): void;
  onClosed(connection: UpstreamConnection): void;
};

const headState = 0;
const fixedState = 1;
const chunkedState = 2;
const untilCloseState = 3;
const idleState = 4;
const switchedState = 5;

const wholeBodyMax = 8_192;
const scanFirst = 16_384;
/** All connections read into one buffer: a read is handled to its end before the next begins. */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

export class UpstreamConnection {
  readonly socket: Socket;
  user: UpstreamUser | null;
  /** An answer has already come over this connection. */
  reused = false;
  /** Any byte of the current answer has come. */
  answered = false;
  /** The whole request has been written. */
  request_sent = false;
  connected = false;
  readonly opened_at = performance.now();
  idle_since = 0;
  idle_ms = Number.POSITIVE_INFINITY;
  private readonly owner: ConnectionOwner;
  private readonly tunnel: boolean;
  private method = '';
  private state = headState;
  private pending = '';
  private left = 0;
  private chunked: ChunkedDecoder | null = null;
  private keep_alive = false;
  private failed = false;

  /** Begins to connect. A connection for a tunnel may be half closed and hands out its socket. */
  constructor(owner: ConnectionOwner, user: UpstreamUser, tunnel: boolean) {
    this.owner = owner;
    this.tunnel = tunnel;
    this.user = user;
    const target = { host: '127.0.0.1', port: owner.port, noDelay: true, allowHalfOpen: tunnel };
    if (tunnel) {
      this.socket = connect(target);
      this.socket.on('data', this.onTunnelData);
    } else {
      this.socket = connect({
        ...target,
        onread: {
          buffer: readBuffer,
          callback: (size: number) => {
            this.read(readBuffer, size);
            return true;
          },
        },
      });
    }
    this.socket.on('connect', () => {
      this.connected = true;
      this.owner.onConnected(this);
    });
    this.socket.on('drain', () => this.user?.onDrain());
    this.socket.on('error', (error) => this.fail(error));
    this.socket.on('end', () => this.onEof());
    this.socket.on('close', () => {
      this.fail(new Error('The backend closed the connection.'));
      this.owner.onClosed(this);
    });
  }

  private readonly onTunnelData = (chunk: Buffer) => this.read(chunk, chunk.length);

  /** Writes the head of a request; the body, if there is one, follows by `write`. */
  start(user: UpstreamUser, method: string, head: string, bodyless: boolean): void {
    this.user = user;
    this.method = method;
    this.state = headState;
    this.answered = false;
    this.request_sent = bodyless;
    this.socket.write(head, 'latin1');
  }

  destroy(): void {
    this.user = null;
    this.failed = true;
    this.socket.destroy();
  }

  private fail(error: Error): void {
    if (this.failed) return;
    this.failed = true;
    const user = this.user;
    this.user = null;
    this.socket.destroy();
    if (this.state !== switchedState) user?.onFailed(error);
  }

  private onEof(): void {
    if (this.state === switchedState) return;
    if (this.state === untilCloseState && this.user) {
      this.keep_alive = false;
      this.finish([]);
    } else this.fail(new Error('The backend closed the connection before its answer was whole.'));
  }

  private read(buffer: Buffer, size: number): void {
    if (this.failed) return;
    if (this.state === idleState || !this.user) {
      this.fail(new ProtocolError('Bytes without a request.'));
      return;
    }
    this.answered = true;
    try {
      let at = 0;
      while (at < size && !this.failed) {
        // What stands behind the end of an answer belongs to no request.
        if (this.state === idleState) {
          this.fail(new ProtocolError('The answer is longer than it says.'));
          return;
        }
        if (this.state === switchedState) return;
        at = this.state === headState ? this.readHead(buffer, at, size) : this.readBody(buffer, at, size);
      }
    } catch (error) {
      this.fail(error as Error);
    }
  }

  private readBody(buffer: Buffer, at: number, size: number): number {
    const user = this.user!;
    if (this.state === chunkedState) {
      const decoder = this.chunked!;
      const end = decoder.take(buffer, at, size, (from, to) => {
        if (this.user === user) user.onBody(Buffer.from(buffer.subarray(from, to)));
      });
      if (decoder.done && this.user === user) this.finish(decoder.trailers, end < size);
      return end;
    }
    const to = this.state === fixedState ? Math.min(size, at + this.left) : size;
    user.onBody(Buffer.from(buffer.subarray(at, to)));
    if (this.state === fixedState) {
      this.left -= to - at;
      if (this.left === 0 && this.user === user) this.finish([], to < size);
    }
    return to;
  }

  /** Reads as much of the head as there is; returns where the body begins, or `size`. */
  private readHead(buffer: Buffer, at: number, size: number): number {
    const before = this.pending.length;
    let text = this.pending + buffer.toString('latin1', at, Math.min(size, at + scanFirst));
    let end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    if (end < 0 && size - at > scanFirst) {
      text = this.pending + buffer.toString('latin1', at, size);
      end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    }
    if (end < 0 || end > this.owner.response_head_bytes_max) {
      if (text.length > this.owner.response_head_bytes_max)
        throw new ProtocolError('The head of the answer is too large.');
      this.pending = text;
      return size;
    }
    this.pending = '';
    const body = at + end + 4 - before;
    const head = readResponseHead(text.slice(0, end), this.method);
    const user = this.user!;
    if (head.status === 101) {
      this.state = switchedState;
      this.socket.off('data', this.onTunnelData);
      user.onSwitched(head, this.socket, Buffer.from(buffer.subarray(body, size)));
      return size;
    }
    if (head.status < 200) {
      user.onInformation(head);
      return body;
    }
    this.keep_alive = head.keep_alive;
    // A second off what the server allows, so that the two ends do not close and send at once.
    this.idle_ms = head.idle_ms === null ? Number.POSITIVE_INFINITY : Math.max(0, head.idle_ms - 1_000);
    switch (head.framing) {
      case 'none':
        user.onHead(head, '');
        if (this.user === user) this.finish(null, body < size);
        return body;
      case 'length': {
        const available = text.length - end - 4;
        if (head.length <= wholeBodyMax && available >= head.length) {
          user.onHead(head, text.slice(end + 4, end + 4 + head.length));
          if (this.user === user) this.finish(null, available > head.length);
          return body + head.length;
        }
        this.state = fixedState;
        this.left = head.length;
        break;
      }
      case 'chunked':
        this.state = chunkedState;
        this.chunked = new ChunkedDecoder();
        break;
      case 'close':
        this.state = untilCloseState;
        break;
    }
    user.onHead(head, null);
    return body;
  }

  /** The answer is whole. With null the user knows it already. */
  private finish(trailers: readonly string[] | null, surplus = false): void {
    const user = this.user!;
    this.user = null;
    this.chunked = null;
    this.reused = true;
    this.state = idleState;
    if (this.keep_alive && this.request_sent && !surplus && !this.tunnel) {
      this.idle_since = performance.now();
      this.owner.onIdle(this);
    } else this.destroy();
    if (trailers) user.onEnd(trailers);
  }
}
