/**
 * One listening port. The parser is node:http's in its strict mode; what it refuses is answered 400 (408, 431) and the
 * connection is closed, so that no byte after an unclear request is read as another.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { refuseSocket } from './answers.ts';
import type { ProxyLimits } from './limits.ts';

/** What a listener serves: routes by path, services by host name, or one service. */
export type ListenerRole = { kind: 'external' } | { kind: 'internal' } | { kind: 'service'; service: string };

export type Incoming = {
  role: ListenerRole;
  request: IncomingMessage;
  response: ServerResponse;
  expects_continue: boolean;
  tunnel: { socket: Socket; rest: Buffer } | null;
  listener: Listener;
};

export type ListenerOptions = {
  host: string;
  port: number;
  role: ListenerRole;
  limits: ProxyLimits;
  onRequest(incoming: Incoming): void;
  onRefused(status: number): void;
};

export type Listener = {
  readonly host: string;
  readonly port: number;
  /** No new connections; answers say `Connection: close`. */
  closing: boolean;
  setRole(role: ListenerRole): void;
  /** Rejects with the reason when the port cannot be had. */
  open(): Promise<void>;
  /** Stops listening at once; resolves when the last connection is closed. */
  close(): Promise<void>;
  closeAll(): void;
};

type ParsingSocket = Socket & { _httpMessage?: ServerResponse | null };

function isWebSocket(request: IncomingMessage): boolean {
  return request.method === 'GET' && request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** Answers to what could not be parsed; a request that is already being answered is broken off instead. */
function refuseUnparsed(
  error: NodeJS.ErrnoException,
  socket: ParsingSocket,
  onRefused: (status: number) => void,
): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  onRefused(status);
  const message = socket._httpMessage;
  if (message?.headersSent) {
    socket.resetAndDestroy();
    return;
  }
  // The exchange learns that its client is gone, and lets the backend know.
  message?.emit('close');
  message?.detachSocket(socket);
  const reason =
    status === 431
      ? 'The head of the request is too large.'
      : status === 408
        ? 'The head of the request did not come in time.'
        : 'The request is not valid HTTP/1.1.';
  refuseSocket(socket, status, reason);
}

/** Makes a listener that is not open yet. */
export function createListener(options: ListenerOptions): Listener {
  const { host, port, limits, onRequest } = options;
  let { role } = options;
  const server: Server = createServer({
    maxHeaderSize: limits.request_head_bytes_max,
    headersTimeout: limits.request_head_timeout_ms,
    // The body has its own bound, on idling: an upload may take as long as it moves.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(5_000, limits.request_head_timeout_ms / 2),
    keepAliveTimeout: limits.client_idle_ms,
    keepAlive: true,
    keepAliveInitialDelay: 60_000,
    noDelay: true,
    insecureHTTPParser: false,
    // Other protocols (h2c) are not passed on: the request is served as if Upgrade were not there.
    shouldUpgradeCallback: isWebSocket,
  });
  server.maxHeadersCount = 0;
  server.maxConnections = limits.client_connections_max;
  const take = (
    request: IncomingMessage,
    response: ServerResponse,
    expects_continue: boolean,
    tunnel: Incoming['tunnel'] = null,
  ) => onRequest({ role, request, response, expects_continue, tunnel, listener });
  server.on('request', (request, response) => take(request, response, false));
  server.on('checkContinue', (request, response) => take(request, response, true));
  server.on('checkExpectation', (request, response) => take(request, response, false));
  server.on('upgrade', (request, socket: Socket, rest) => {
    socket.on('error', () => {});
    const response = new ServerResponse(request);
    response.assignSocket(socket);
    take(request, response, false, { socket, rest });
  });
  server.on('connect', (_request, socket: Socket) => {
    socket.on('error', () => {});
    options.onRefused(405);
    refuseSocket(socket, 405, 'CONNECT is not served here.');
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    refuseUnparsed(error, socket as ParsingSocket, options.onRefused);
  });
  const listener: Listener = {
    host,
    port,
    closing: false,
    setRole(next) {
      role = next;
    },
    open: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port, backlog: 4_096, exclusive: true }, () => {
          server.off('error', reject);
          server.on('error', () => {});
          resolve();
        });
      }),
    close: () =>
      new Promise((resolve) => {
        listener.closing = true;
        server.close(() => resolve());
      }),
    closeAll: () => server.closeAllConnections(),
  };
  return listener;
}
