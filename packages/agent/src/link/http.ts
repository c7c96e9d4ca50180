/**
 * Requests to the control plane, over `node:http` with kept connections: `fetch` would cost the agent 10 MB. Every request
 * has a time limit and a bound on the answer; the credential travels in a header only.
 */
import { readFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { agentApiLimits } from '@mainstay/contract/agent-answers';
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import { http, loadHttps } from '@mainstay/runtime/node-http';

export type LinkResponse = { status: number; headers: IncomingHttpHeaders; body: unknown };

export type LinkRequest = {
  method: 'GET' | 'POST';
  /** Path under the control plane's URL, query included. */
  path: string;
  body?: unknown;
  headers?: Record<string, string>;
  timeout_ms?: number;
  signal?: AbortSignal;
};

export type LinkClient = {
  /** Sends a request. Rejects with AppError: 'Unavailable' or 'Timeout' when there is no answer, else the answer's own error. */
  send(request: LinkRequest): Promise<LinkResponse>;
  setCredential(credential: string): void;
  close(): void;
};

export type LinkClientOptions = {
  url: string;
  /** PEM file of the authority that signed the control plane's certificate. */
  ca_file?: string | undefined;
  /** Told the `Date` of each answer, UTC milliseconds, with the moments around it. */
  onDate?: (remote_ms: number) => void;
};

const default_timeout_ms = 20_000;

export function createLinkClient(options: LinkClientOptions): LinkClient {
  const base = parseUrl(options.url);
  const https = base.protocol === 'https:' ? loadHttps() : null;
  const pool = { keepAlive: true, maxSockets: 8, maxFreeSockets: 4, timeout: 120_000 };
  const agent = https
    ? new https.Agent({ ...pool, ...(options.ca_file ? { ca: readFileSync(options.ca_file) } : {}) })
    : new http.Agent(pool);
  let credential: string | null = null;

  return {
    setCredential: (value) => {
      credential = value;
    },
    close: () => agent.destroy(),
    send: (request) =>
      new Promise((resolve, reject) => {
        const body = request.body === undefined ? undefined : JSON.stringify(request.body);
        const headers: Record<string, string> = { accept: 'application/json', ...request.headers };
        if (credential) headers['authorization'] = `Bearer ${credential}`;
        if (body !== undefined) {
          headers['content-type'] = 'application/json';
          headers['content-length'] = String(Buffer.byteLength(body));
        }
        const timeout_ms = request.timeout_ms ?? default_timeout_ms;
        const late = () =>
          outgoing.destroy(new AppError('Timeout', `The control plane did not answer within ${timeout_ms / 1000} s.`));
        const timer = setTimeout(late, timeout_ms);
        const fail = (error: Error) => {
          clearTimeout(timer);
          reject(error instanceof AppError ? error : unreachable(base, error));
        };
        const outgoing = (https ?? http).request(
          new URL(base.pathname.replace(/\/$/, '') + request.path, base),
          { method: request.method, headers, agent, ...(request.signal ? { signal: request.signal } : {}) },
          (incoming) => {
            const chunks: Buffer[] = [];
            let size = 0;
            incoming.on('data', (chunk: Buffer) => {
              size += chunk.length;
              if (size > agentApiLimits.body_bytes_max)
                outgoing.destroy(new AppError('TooLarge', 'The answer of the control plane is larger than 8 MiB.'));
              else chunks.push(chunk);
            });
            incoming.once('error', fail);
            incoming.once('end', () => {
              clearTimeout(timer);
              const remote_ms = Date.parse(incoming.headers.date ?? '');
              if (!Number.isNaN(remote_ms)) options.onDate?.(remote_ms);
              const status = incoming.statusCode ?? 0;
              const parsed = parseJson(Buffer.concat(chunks));
              if (status >= 400) reject(answeredError(status, parsed));
              else resolve({ status, headers: incoming.headers, body: parsed });
            });
          },
        );
        outgoing.once('error', fail);
        outgoing.end(body);
      }),
  };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new AppError('InvalidInput', 'The URL of the control plane must be http://… or https://….', { field: 'url' });
  }
  return url;
}

function parseJson(bytes: Buffer): unknown {
  try {
    return bytes.length === 0 ? null : JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}

function answeredError(status: number, body: unknown): AppError {
  const parsed = ErrorBody.safeParse(body);
  if (parsed.success) return AppError.fromBody(parsed.data);
  if (status === 401) return new AppError('Unauthenticated', 'The control plane does not know this credential.');
  if (status === 413) return new AppError('TooLarge', 'The control plane finds the request too large.');
  if (status === 429) return new AppError('RateLimited', 'The control plane asks for fewer requests.');
  if (status < 500) return new AppError('InvalidInput', `The control plane refused the request with ${status}.`);
  return new AppError('Unavailable', `The control plane answered with ${status}.`);
}

function unreachable(base: URL, cause: Error): AppError {
  const { code } = cause as NodeJS.ErrnoException;
  return new AppError(
    'Unavailable',
    `The control plane at ${base.origin} cannot be reached (${code ?? cause.message}).`,
    {
      hint: 'Check that it runs, and that this machine can reach it.',
      cause,
    },
  );
}
