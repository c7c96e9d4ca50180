/**
 * Ports for tests that start programs on them. A port that the kernel gave and took back is given to the next outgoing connection on the
 * machine, and the program finds it taken; so these are from below the range that the kernel gives out of (ip_local_port_range).
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const [first, after_last] = [10_000, 24_000];
const tries_max = 200;
const given = new Set<number>();

/** A port that nothing listens on, neither on loopback nor elsewhere, and that this process has not been given before. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < tries_max; tries += 1) {
    const port = randomInt(first, after_last);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
  throw new Error(`Of the ports ${first} to ${after_last - 1}, ${tries_max} that were tried are taken.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
