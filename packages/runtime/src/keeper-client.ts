/**
 * The keeper in another process, by its Unix socket. To the caller it is the same interface; what comes back is checked against the
 * contract, and a keeper that is away, slow or talks nonsense is `Unavailable`, so that changes wait and reads go on.
 */
import type { Agent, IncomingMessage } from 'node:http';
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import {
  type KeeperMethod,
  keeper_body_bytes_max,
  keeper_call_timeout_ms,
  keeperMethods,
} from '@mainstay/contract/keeper-methods';
import * as z from 'zod';
import { http } from './node-http.ts';

export type KeeperClientOptions = {
  socket: string;
  /** How long a call may take, milliseconds. */
  timeout_ms?: number;
};

export type KeeperClient = KeeperApi & { close(): void };

const Failure = z.object({ error: ErrorBody });

export function createKeeperClient({ socket, timeout_ms = keeper_call_timeout_ms }: KeeperClientOptions): KeeperClient {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 4, timeout: 20_000 });
  const away = (why: string, cause?: unknown) =>
    new AppError('Unavailable', `The keeper does not answer: ${why}. Nothing was decided or signed.`, {
      hint: `Is it running, and may this user open ${socket}? Changes wait until it is back; reading works.`,
      cause,
    });
  const call = async (method: KeeperMethod, input: unknown): Promise<unknown> => {
    const body = JSON.stringify(input ?? null);
    if (Buffer.byteLength(body) > keeper_body_bytes_max)
      throw new AppError('TooLarge', `A request to the keeper has at most ${keeper_body_bytes_max} bytes.`);
    let answer: { status: number; text: string };
    try {
      answer = await post(agent, socket, `/v1/${method}`, body, timeout_ms);
    } catch (error) {
      throw away((error as NodeJS.ErrnoException).code ?? (error as Error).message, error);
    }
    let value: unknown;
    try {
      value = JSON.parse(answer.text);
    } catch (error) {
      throw away('it answered with something that is not JSON', error);
    }
    if (answer.status !== 200) {
      const failure = Failure.safeParse(value);
      throw failure.success ? AppError.fromBody(failure.data.error) : away(`it answered ${answer.status}`);
    }
    const output = keeperMethods[method].output.safeParse(value);
    if (!output.success) throw away('it answered in another shape than the contract says', output.error);
    return output.data;
  };
  const methods = (Object.keys(keeperMethods) as KeeperMethod[]).map((method) => [
    method,
    async (input: unknown) => {
      const output = await call(method, input);
      return method === 'withdraw' ? undefined : output;
    },
  ]);
  return { ...(Object.fromEntries(methods) as KeeperApi), close: () => agent.destroy() };
}

function post(agent: Agent, socketPath: string, path: string, body: string, timeout_ms: number) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const signal = AbortSignal.timeout(timeout_ms);
    const request = http.request({ agent, socketPath, path, method: 'POST', headers, signal });
    request.on('error', (error) => reject(signal.aborted ? new Error(`no answer within ${timeout_ms} ms`) : error));
    request.on('response', (response) => {
      textOf(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    });
    request.end(body);
  });
}

/** Answers are bounded too: twice what is asked, because policies and pages of the ledger can be longer than a proposal. */
async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > 2 * keeper_body_bytes_max) throw new Error('the answer is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
