/** What the proxy itself answers: short, in JSON or plain text as the client accepts, in the shape of the contract's Error. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';

export type Answer = {
  status: number;
  code: 'InvalidInput' | 'NotFound' | 'TooLarge' | 'Unavailable' | 'Timeout';
  message: string;
  hint?: string;
  retry_after_s?: number;
  /** The rest of the request is not read. */
  close?: boolean;
};

/** Answers a request for which nothing has been sent yet. */
export function sendAnswer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, code, message, hint } = answer;
  const json = /\bjson\b/i.test(request.headers.accept ?? '');
  const body = json
    ? `${JSON.stringify({ code, message, ...(hint ? { hint } : {}) })}\n`
    : `${status} ${message}${hint ? `\n${hint}` : ''}\n`;
  const headers = [
    'Content-Type',
    json ? 'application/json' : 'text/plain; charset=utf-8',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
  ];
  if (answer.retry_after_s !== undefined) headers.push('Retry-After', String(answer.retry_after_s));
  if (answer.close) response.shouldKeepAlive = false;
  // The reason is given, because one that a backend gave and that could not be written may still stand there.
  response.writeHead(status, STATUS_CODES[status] ?? '', headers);
  response.end(request.method === 'HEAD' ? undefined : body);
}

/** Refuses what could not even be parsed, on the bare socket, and closes it. */
export function refuseSocket(socket: Socket, status: number, message: string): void {
  const body = `${status} ${message}\n`;
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(
      body,
    )}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
    'latin1',
  );
  socket.destroySoon();
}

/** Passes 103 Early Hints on (RFC 8297). Hints that node:http does not take are left out. */
export function sendEarlyHints(response: ServerResponse, headers: readonly string[]): void {
  const hints: Record<string, string[]> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]!.toLowerCase();
    hints[name] = [...(hints[name] ?? []), headers[i + 1]!];
  }
  try {
    response.writeEarlyHints(hints);
  } catch {
    // They are only hints.
  }
}
