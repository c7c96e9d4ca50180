/**
 * The keeper over a Unix socket: `POST /v1/<method>`, one JSON value in, one out. Who may open the socket is said by its file (0660, of
 * the keeper's user and group): the group is for the control plane's user alone. All methods of the contract are offered, because none
 * of them trusts the caller; what needs the keeper's own machine (admitting a key by hand) is not among them.
 */
import { chmodSync, rmSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { AppError, type ErrorBody } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import {
  type KeeperMethod,
  keeper_body_bytes_max,
  keeper_call_timeout_ms,
  keeperMethods,
} from '@mainstay/contract/keeper-methods';
import { http } from '@mainstay/runtime/node-http';
import { parsed } from '../input.ts';

export type KeeperServer = { stop(): Promise<void> };
export type KeeperServerOptions = {
  keeper: KeeperApi;
  socket: string;
  /** Told of what the keeper could not answer for a fault of its own. */
  onFault?: (method: string, error: unknown) => void;
};

const connections_max = 64;

/** @throws AppError Conflict when another keeper listens there already. */
export async function serveKeeper({ keeper, socket, onFault }: KeeperServerOptions): Promise<KeeperServer> {
  await clearSocket(socket);
  const server = http.createServer(
    { headersTimeout: 5_000, requestTimeout: keeper_call_timeout_ms, keepAliveTimeout: 30_000 },
    (request, response) => {
      void answer(keeper, request).then(
        (value) => send(response, 200, value),
        (error: unknown) => {
          const known = error instanceof AppError;
          if (!known) onFault?.(request.url ?? '', error);
          const fault = known ? error : new AppError('Internal', 'The keeper has a fault; its log tells which.');
          send(response, 400, { error: fault.toBody() satisfies ErrorBody });
        },
      );
    },
  );
  server.maxConnections = connections_max;
  // Made with these rights from the beginning, so that there is no moment in which others can connect.
  const before = process.umask(0o117);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(socket, resolve);
    });
    chmodSync(socket, 0o660);
  } finally {
    process.umask(before);
  }
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 2_000).unref();
      }),
  };
}

async function answer(keeper: KeeperApi, request: IncomingMessage): Promise<unknown> {
  const name = /^\/v1\/([a-zA-Z]+)$/.exec(request.url ?? '')?.[1] ?? '';
  if (request.method !== 'POST' || !Object.hasOwn(keeperMethods, name))
    throw new AppError('NotFound', `The keeper has no method ${name.slice(0, 40) || '(none)'}.`);
  const method = name as KeeperMethod;
  const text = await bodyOf(request);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new AppError('InvalidInput', 'The body is not JSON.', { cause: error });
  }
  const input = parsed(keeperMethods[method].input, value);
  const call = keeper[method] as (input: unknown) => Promise<unknown>;
  return (await call.call(keeper, input)) ?? null;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > keeper_body_bytes_max)
      throw new AppError('TooLarge', `A request to the keeper has at most ${keeper_body_bytes_max} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function send(response: ServerResponse, status: number, value: unknown): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(value));
}

/** Takes away what a keeper that was killed left behind; never what one that runs listens on. */
async function clearSocket(path: string): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) {
    throw new AppError('InvalidInput', `${path} is there already, and is no socket.`, {
      field: 'socket',
      hint: 'Name another path.',
    });
  }
  const is_alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(true));
    probe.on('connect', () => probe.destroy());
    probe.on('error', () => resolve(false));
  });
  if (is_alive) {
    throw new AppError('Conflict', `Another keeper listens on ${path}.`, {
      field: 'socket',
      hint: 'Stop that one first.',
    });
  }
  rmSync(path, { force: true });
}
