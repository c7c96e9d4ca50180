/** DNS over one TCP connection: messages behind their length in two bytes (RFC 1035 §4.2.2), answered in their order. */
import type { Socket } from 'node:net';
import { type Query, query_bytes_max, readQuery } from './message.ts';
import type { ResponderLimits } from './responder.ts';

/** Answers that nobody reads may pile up to so many bytes. */
const unread_bytes_max = 64 * 1024;

export type ConnectionOptions = {
  limits: ResponderLimits;
  takeTurn(): boolean;
  answer(query: Query): Buffer;
};

/** Serves a connection until its client ends it, idles, or goes past a bound. */
export function serveConnection(socket: Socket, { limits, takeTurn, answer }: ConnectionOptions): void {
  let buffered: Buffer = Buffer.alloc(0);
  let queries = 0;

  /** False when the connection is over. */
  const take = (bytes: Buffer): boolean => {
    if (++queries > limits.queries_per_connection_max || !takeTurn()) return false;
    const read = readQuery(bytes);
    if (read.kind === 'drop') return false;
    const message = read.kind === 'error' ? read.answer : answer(read.query);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(message.length);
    socket.write(Buffer.concat([length, message]));
    return socket.writableLength <= unread_bytes_max;
  };

  // A deadline of the connection, not of its last byte: who sends one byte at a time does not keep it open.
  let deadline: NodeJS.Timeout | undefined;
  const rest = () => {
    clearTimeout(deadline);
    deadline = setTimeout(() => socket.destroy(), limits.idle_ms_max);
  };
  rest();
  socket.on('error', () => {});
  socket.once('close', () => clearTimeout(deadline));
  socket.on('data', (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2) {
      const length = buffered.readUInt16BE(0);
      if (length > query_bytes_max) return void socket.destroy();
      if (buffered.length < length + 2) return;
      if (!take(buffered.subarray(2, length + 2))) return void socket.destroy();
      buffered = buffered.subarray(length + 2);
      rest();
    }
  });
}
