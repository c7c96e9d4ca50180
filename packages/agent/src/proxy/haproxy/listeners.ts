/**
 * Which ports HAProxy is asked to open. One port that another program has would keep all of its configuration from coming
 * into force, so a port that HAProxy does not have yet is tried first, and left out where it cannot be had.
 */
import { createServer } from 'node:net';
import type { ProxyConfig, ProxyStatus } from '../proxy.ts';

export type ListenerError = ProxyStatus['listener_errors'][number];
export type WantedListener = { host: string; port: number; what: string };

/** All listeners of a configuration. */
export function wantedListeners({ external, internal, services }: ProxyConfig): WantedListener[] {
  const wanted: WantedListener[] = [];
  if (external) wanted.push({ ...external, what: 'the external listener' });
  if (internal) wanted.push({ host: '127.0.0.1', port: internal.port, what: 'the internal listener' });
  for (const [service, { internal_port }] of Object.entries(services)) {
    wanted.push({ host: '127.0.0.1', port: internal_port, what: `the internal port of service "${service}"` });
  }
  return wanted;
}

/** Why a port cannot be opened now, or null. It is open for a moment only. */
export function tryListener({ host, port, what }: WantedListener): Promise<ListenerError | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      resolve({ host, port, message: `Cannot open ${what} on ${host}:${port}: ${reason(error)}.` });
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

function reason(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'EADDRINUSE':
      return 'another program has this port; stop it, or choose another port';
    case 'EACCES':
      return 'this user may not open the port; choose one above 1023';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have the address';
    default:
      return error.message;
  }
}
