/** Loopback addresses for tests: one of its own for each, so that tests beside each other never meet. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { Address } from '../dns/responder.ts';

/** An address of 127.53.0.0/16 with a port that was free a moment ago. */
export function freeAddress(): Promise<Address> {
  const host = `127.53.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen({ host, port: 37_000 + randomInt(900) }, () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve({ host, port }));
    });
  });
}
