/**
 * Ports of 127.0.0.1 that Mainstay gives out, from a range below the kernel's ephemeral ports (ip_local_port_range), so that
 * no outgoing connection takes one away. A port is free when it can be bound; services get it from the first nine tenths of
 * the range, the proxy's internal listeners, which stay the same for ever, from the last.
 */
import { createServer } from 'node:net';
import { AppError } from '@mainstay/contract/errors';
import type { Settings } from './context.ts';

export type Ports = {
  /** A free port for an instance, kept back from others until it is released. Throws AppError when there is none. */
  reserve(): Promise<number>;
  /** A free port for an internal listener. */
  reserveInternal(): Promise<number>;
  /** Keeps back a port that something of ours has already. */
  hold(port: number): void;
  release(port: number): void;
};

export function createPorts({ ports: range }: Pick<Settings, 'ports'>, random: () => number = Math.random): Ports {
  const held = new Set<number>();
  const boundary = range.last - Math.max(1, Math.floor((range.last - range.first + 1) / 10));
  // Beginning anywhere keeps agents on one machine apart, and a port that was just let go from being given out at once.
  let cursor = range.first + Math.floor(random() * (boundary - range.first));

  const find = async (first: number, last: number, start: number): Promise<number> => {
    const count = last - first + 1;
    for (let i = 0; i < count; i++) {
      const port = first + ((start - first + i) % count);
      if (held.has(port)) continue;
      held.add(port);
      if (await isFree(port)) return port;
      held.delete(port);
    }
    throw new AppError('Unavailable', `All ports from ${first} to ${last} are in use.`, {
      hint: 'Free some of them, or give the agent another range.',
    });
  };
  return {
    async reserve() {
      const port = await find(range.first, boundary, cursor);
      cursor = port + 1 > boundary ? range.first : port + 1;
      return port;
    },
    reserveInternal: () =>
      find(boundary + 1, range.last, boundary + 1 + Math.floor(random() * (range.last - boundary))),
    hold: (port) => void held.add(port),
    release: (port) => void held.delete(port),
  };
}

/** True when the port can be bound on all addresses, so also on the one that the service chooses. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
