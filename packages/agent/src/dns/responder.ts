/**
 * The DNS responder: UDP and TCP on one loopback address, authoritative for one domain, never recursive. All of it is
 * bounded, so that whoever floods it takes a share of the agent's time and no more: queries a second, bytes of a query,
 * connections, queries of a connection, and how long one may idle.
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIPv4, type Server, type Socket } from 'node:net';
import { AppError } from '@mainstay/contract/errors';
import type { Logger } from '@mainstay/runtime/log';
import { type Query, readQuery, writeAnswer } from './message.ts';
import { serveConnection } from './tcp.ts';
import { answerQuestion, type Zone } from './zone.ts';

export type Address = { host: string; port: number };

export type ResponderLimits = {
  /** Above it, UDP queries are dropped and TCP connections closed. About a fifth of one core. */
  queries_per_second_max: number;
  connections_max: number;
  queries_per_connection_max: number;
  /** A connection on which nothing comes is closed (RFC 7766 §6.2.3), milliseconds. */
  idle_ms_max: number;
};

export const defaultResponderLimits: ResponderLimits = {
  queries_per_second_max: 5_000,
  connections_max: 32,
  queries_per_connection_max: 1_000,
  idle_ms_max: 10_000,
};

export type Responder = {
  /** Opens the first address that can be had; does nothing when one is open. Rejects with AppError when none can. */
  open(): Promise<Address>;
  /** Null after it was closed, or lost its socket. */
  address(): Address | null;
  /** Null: everything is refused. */
  setZone(zone: Zone | null): void;
  close(): Promise<void>;
};

/** Makes a responder that is not open. Throws AppError for an address that is not loopback. */
export function createResponder(options: {
  log: Logger;
  /** Tried in this order; all of 127.0.0.0/8. */
  addresses: readonly Address[];
  limits?: Partial<ResponderLimits>;
}): Responder {
  const limits = { ...defaultResponderLimits, ...options.limits };
  for (const { host } of options.addresses) {
    if (isIPv4(host) && host.startsWith('127.')) continue;
    throw new AppError('InvalidInput', `The DNS responder listens on loopback only, not on ${host}.`, {
      field: 'address',
      hint: 'Use an address of 127.0.0.0/8.',
    });
  }
  let zone: Zone | null = null;
  let sockets: { udp: UdpSocket; tcp: Server; address: Address } | null = null;
  const connections = new Set<Socket>();
  let opening: Promise<Address> | null = null;
  const takeTurn = createRate(limits.queries_per_second_max);

  const answer = (query: Query, over: 'udp' | 'tcp') => writeAnswer(query, answerQuestion(zone, query.question), over);
  const onMessage = (bytes: Buffer, from: { address: string; port: number }, udp: UdpSocket) => {
    if (!takeTurn()) return;
    const read = readQuery(bytes);
    if (read.kind === 'drop') return;
    // What cannot be sent is as good as lost, which UDP may do anyway.
    udp.send(read.kind === 'error' ? read.answer : answer(read.query, 'udp'), from.port, from.address, () => {});
  };

  const openAt = async (address: Address) => {
    const udp = createSocket({ type: 'udp4', reuseAddr: false });
    const tcp = createServer({ noDelay: true }, (socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
      serveConnection(socket, { limits, takeTurn, answer: (query) => answer(query, 'tcp') });
    });
    tcp.maxConnections = limits.connections_max;
    try {
      await new Promise<void>((resolve, reject) => {
        udp.once('error', reject);
        udp.bind({ address: address.host, port: address.port, exclusive: true }, resolve);
      });
      await new Promise<void>((resolve, reject) => {
        tcp.once('error', reject);
        tcp.listen({ host: address.host, port: address.port, exclusive: true }, resolve);
      });
    } catch (error) {
      udp.close();
      tcp.close();
      throw error;
    }
    const onLost = (error: Error) => {
      options.log.warn({ reason: error.message }, 'the DNS responder lost its socket');
      void close();
    };
    udp.removeAllListeners('error').on('error', onLost);
    tcp.removeAllListeners('error').on('error', onLost);
    udp.on('message', (bytes, from) => onMessage(bytes, from, udp));
    sockets = { udp, tcp, address };
    return address;
  };

  const openFirst = async () => {
    const reasons: string[] = [];
    for (const address of options.addresses) {
      try {
        return await openAt(address);
      } catch (error) {
        reasons.push((error as Error).message);
      }
    }
    throw new AppError('Unavailable', `The DNS responder could not be opened: ${reasons.join('; ')}.`, {
      hint: 'Stop the program that has the port, or let the agent run as root.',
    });
  };

  const close = async () => {
    const open = sockets;
    sockets = null;
    if (!open) return;
    open.tcp.close();
    for (const socket of connections) socket.destroy();
    await new Promise<void>((resolve) => open.udp.close(resolve));
  };

  return {
    async open() {
      if (sockets) return sockets.address;
      opening ??= openFirst().finally(() => {
        opening = null;
      });
      return opening;
    },
    address: () => sockets?.address ?? null,
    setZone: (next) => {
      zone = next;
    },
    close,
  };
}

/** A bucket of tokens, full at the start: gives a function that is true as long as there are some. */
function createRate(per_second: number): () => boolean {
  let tokens = per_second;
  let at = performance.now();
  return () => {
    const now = performance.now();
    tokens = Math.min(per_second, tokens + ((now - at) / 1_000) * per_second);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
