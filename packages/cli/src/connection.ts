/**
 * Where the control plane is and how a command proves who asks. Tokens come from the environment or a file, never from
 * the command line, and never leave here but in the header of a request. The token of this machine's own installation
 * is sent to that installation alone, so that a mistyped --url gives it to nobody.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { apiPrefix, type CallOptions, callOperation } from '@mainstay/contract/client';
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import { type OperationById, type OperationId, operations } from '@mainstay/contract/operations/index';
import type * as z from 'zod';

export type ConnectionOptions = { url?: string; home?: string };

export type Connection = {
  url: string;
  /** Calls an operation with raw input, as it was typed; the control plane validates it. */
  callRaw(id: OperationId, input: Record<string, unknown>, options?: CallOptions): Promise<unknown>;
  call<Id extends OperationId>(
    id: Id,
    input: z.input<OperationById[Id]['input']>,
    options?: CallOptions,
  ): Promise<z.output<OperationById[Id]['output']>>;
  /** The text at a path under the API, such as an export, as it comes. */
  download(path: string): Promise<AsyncIterable<Uint8Array>>;
};

type Environment = Readonly<Record<string, string | undefined>>;

export const default_url = 'http://127.0.0.1:7070';

/** Folder of this machine's installation. */
export function homeOf(options: ConnectionOptions, env: Environment): string {
  return options.home ?? (env['MAINSTAY_HOME'] || join(env['HOME'] || homedir(), '.local', 'share', 'mainstay'));
}

export function connect(options: ConnectionOptions, env: Environment): Connection {
  const home = homeOf(options, env);
  const own_url = readLine(join(home, 'url')) ?? default_url;
  const url = checkedUrl(options.url ?? (env['MAINSTAY_URL'] || own_url));
  const isOwn = sameAddress(url, own_url);
  const token = env['MAINSTAY_TOKEN'] || (isOwn ? readLine(join(home, 'cli-token')) : null);
  const client = token ? { url, token } : { url };
  const callRaw: Connection['callRaw'] = async (id, input, callOptions) => {
    try {
      return await callOperation(client, operations[id], input, callOptions);
    } catch (error) {
      throw error instanceof AppError && error.code === 'Unauthenticated' ? notSignedIn(error, token, home) : error;
    }
  };
  const download: Connection['download'] = async (path) => {
    const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
    const response = await fetch(`${url}${apiPrefix}${path}`, { headers, redirect: 'error' }).catch(
      (cause: unknown) => {
        throw new AppError('Unavailable', `The control plane at ${url} does not answer.`, {
          hint: 'Is it running? Start it with `mainstay up`, or name another with --url or MAINSTAY_URL.',
          cause,
        });
      },
    );
    if (response.ok && response.body) return response.body;
    const said = ErrorBody.safeParse(await response.json().catch(() => null));
    const error = said.success
      ? AppError.fromBody(said.data)
      : new AppError('Unavailable', `${url} answered ${response.status}.`);
    throw error.code === 'Unauthenticated' ? notSignedIn(error, token, home) : error;
  };
  return { url, callRaw, call: callRaw as Connection['call'], download };
}

function notSignedIn(error: AppError, token: string | null | undefined, home: string): AppError {
  const hint = token
    ? 'The token is not valid there (any more). Set MAINSTAY_TOKEN to one that is.'
    : `Set MAINSTAY_TOKEN. (\`mainstay up\` writes a token for its own address to ${join(home, 'cli-token')}.)`;
  return new AppError('Unauthenticated', error.message, { hint, correlation_id: error.correlation_id, cause: error });
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new AppError('InvalidInput', `"${text}" is not the URL of a control plane.`, {
      field: 'url',
      hint: `Give one such as ${default_url}.`,
    });
  }
  if (url.username || url.password) {
    throw new AppError('InvalidInput', 'The URL must hold no user name or password.', {
      field: 'url',
      hint: 'Set MAINSTAY_TOKEN instead.',
    });
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

function sameAddress(one: string, other: string): boolean {
  const normal = (text: string) => text.replace('//localhost', '//127.0.0.1').replace(/\/+$/, '');
  return normal(one) === normal(other);
}

function readLine(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}
