/**
 * Calls operations with the session's cookie. Types come from the contract; at run time only method and path of each
 * operation are here, so that the page carries no schemas: the control plane validates, and its errors name the field.
 */

import routes from 'virtual:mainstay-operations';
import { AppError, type ErrorBody, type ErrorCode, errorCodes } from '@mainstay/contract/app-error';
import type { OperationById, OperationId } from '@mainstay/contract/operations/index';
import { requestOf } from '@mainstay/contract/request';
import type * as z from 'zod';

export type Input<Id extends OperationId> = z.input<OperationById[Id]['input']>;
export type Output<Id extends OperationId> = z.output<OperationById[Id]['output']>;

/** Address of the control plane: where the page was loaded from, path prefix included, ending in a slash. */
export const base_url = document.baseURI.replace(/[^/]*$/, '');

/** Path prefix under which the dashboard is served: `/` or `/panel/`. */
export const base_path = new URL(base_url).pathname;

/** A request that hangs is given up after this; those that wait on purpose ask the server to wait for less. */
const timeout_ms = 45_000;

/** @throws AppError as the control plane gave it, or 'Unavailable' when there is no answer. */
export async function call<Id extends OperationId>(
  id: Id,
  input: Input<Id>,
  options: { signal?: AbortSignal } = {},
): Promise<Output<Id>> {
  const request = requestOf(routes[id], input as Record<string, unknown>);
  return (await send(request.method, request.path, request.body, options.signal)) as Output<Id>;
}

/** A request to a path of the control plane, such as `/auth/sign-in`; its JSON answer. */
export async function send(method: string, path: string, body: string | null, signal?: AbortSignal): Promise<unknown> {
  const late = AbortSignal.timeout(timeout_ms);
  let response: Response;
  let text: string;
  try {
    response = await fetch(base_url + path.slice(1), {
      method,
      body,
      headers: body === null ? {} : { 'content-type': 'application/json' },
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new AppError('Unavailable', 'The control plane does not answer.', {
      hint: 'Is it running? This page tries again by itself.',
      cause: error,
    });
  }
  const answer = parsed(text);
  if (response.ok) return answer;
  throw isErrorBody(answer)
    ? AppError.fromBody(answer)
    : new AppError(codeOf(response.status), `The control plane answered ${response.status}.`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isErrorBody(value: unknown): value is ErrorBody {
  const { code, message } = (value ?? {}) as Record<string, unknown>;
  return typeof code === 'string' && code in errorCodes && typeof message === 'string';
}

function codeOf(status: number): ErrorCode {
  if (status === 401) return 'Unauthenticated';
  return status >= 500 ? 'Unavailable' : 'InvalidInput';
}
