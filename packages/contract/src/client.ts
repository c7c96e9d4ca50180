/**
 * The typed client: `await client['stacks.deploy']({ stack: 'shop' })`. It runs wherever `fetch` does.
 * Errors come back as the same AppError that the control plane threw.
 */

import type * as z from 'zod';
import { AppError, ErrorBody, type ErrorCode } from './errors.ts';
import type { Operation } from './operation.ts';
import { type OperationById, type OperationId, operationList } from './operations/index.ts';
import { requestOf } from './request.ts';

export { apiPrefix, requestOf } from './request.ts';

export type Client = {
  [Id in OperationId]: (
    input: z.input<OperationById[Id]['input']>,
    options?: CallOptions,
  ) => Promise<z.output<OperationById[Id]['output']>>;
};
export type CallOptions = { signal?: AbortSignal };

export type ClientOptions = {
  /** Address of the control plane, such as `http://127.0.0.1:7070`, path prefix included. */
  url: string;
  /** API token; left out in a browser, where the session cookie speaks. */
  token?: string;
  fetch?: typeof fetch;
};

/** Calls one operation by its definition; what `createClient` is made of. */
export async function callOperation(
  options: ClientOptions,
  operation: Operation,
  input: Record<string, unknown>,
  callOptions: CallOptions = {},
): Promise<unknown> {
  const request = requestOf(operation, input);
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token !== undefined) headers['authorization'] = `Bearer ${options.token}`;
  if (request.body !== null) headers['content-type'] = 'application/json';
  let response: Response;
  try {
    response = await (options.fetch ?? fetch)(options.url.replace(/\/$/, '') + request.path, {
      method: request.method,
      headers,
      body: request.body,
      redirect: 'error',
      ...(callOptions.signal ? { signal: callOptions.signal } : {}),
    });
  } catch (error) {
    if (callOptions.signal?.aborted) throw error;
    throw new AppError('Unavailable', `The control plane at ${options.url} does not answer.`, {
      hint: 'Is it running? Start it with `mainstay up`, or name another with --url or MAINSTAY_URL.',
      cause: error,
    });
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new AppError(
      codeOfStatus(response.status),
      `${options.url} answered ${response.status} with something that is not JSON.`,
      {
        hint: 'Is this the address of a Mainstay control plane?',
      },
    );
  }
  if (response.ok) return body;
  const error = ErrorBody.safeParse(body);
  if (error.success) throw AppError.fromBody(error.data);
  throw new AppError(codeOfStatus(response.status), `${options.url} answered ${response.status}.`);
}

export function createClient(options: ClientOptions): Client {
  const entries = operationList.map((operation) => [
    operation.id,
    (input: Record<string, unknown>, callOptions?: CallOptions) =>
      callOperation(options, operation, input, callOptions),
  ]);
  return Object.fromEntries(entries) as Client;
}

function codeOfStatus(status: number): ErrorCode {
  if (status === 401) return 'Unauthenticated';
  if (status === 403) return 'Forbidden';
  if (status === 404) return 'NotFound';
  return status >= 500 ? 'Unavailable' : 'InvalidInput';
}
