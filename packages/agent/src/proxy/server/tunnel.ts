/** After 101: two sockets joined, each direction with its own end (half close) and its own backpressure. */
import type { Socket } from 'node:net';
import type { ResponseHead } from './response-head.ts';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
const badHeader = /[\x00-\x08\x0a-\x1f\x7f]/;

/** The head of the 101 for the client, or null when the backend's may not be passed on. */
export function switchingHead(head: ResponseHead, release_id: string | null): string | null {
  if (head.upgrade?.toLowerCase() !== 'websocket') return null;
  let text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
  for (let i = 0; i < head.headers.length; i += 2) {
    if (badHeader.test(head.headers[i]!) || badHeader.test(head.headers[i + 1]!)) return null;
    text += `${head.headers[i]}: ${head.headers[i + 1]}\r\n`;
  }
  if (release_id !== null) text += `x-mainstay-release: ${release_id}\r\n`;
  return `${text}\r\n`;
}

export type TunnelEnds = { client: Socket; upstream: Socket; from_client: Buffer; from_upstream: Buffer };

/** Joins the two; `ended` is called once, when both are closed. */
export function joinTunnel(ends: TunnelEnds, ended: () => void): void {
  const { client, upstream } = ends;
  let open = 2;
  const join = (from: Socket, to: Socket, early: Buffer) => {
    from.setKeepAlive(true, 60_000);
    if (early.length > 0) to.write(early);
    from.pipe(to);
    from.on('error', () => {});
    from.on('close', () => {
      // What was read to its end is still written to its end; what broke is broken on both sides.
      if (from.readableEnded) to.destroySoon();
      else if (!to.destroyed) to.resetAndDestroy();
      if (--open === 0) ended();
    });
  };
  join(client, upstream, ends.from_client);
  join(upstream, client, ends.from_upstream);
}
