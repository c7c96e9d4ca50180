import * as http from 'node:http';
import * as net from 'node:net';
import { HealthCheck } from '@mainstay/contract/stack';
import { afterEach, describe, expect, test } from 'vitest';
import { checkHealth } from './check.ts';

const servers: net.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen<T extends net.Server>(server: T): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as net.AddressInfo).port;
}
const latency_ms = expect.toSatisfy((value: unknown) => Number.isSafeInteger(value) && (value as number) >= 0);
const spec = (over: object = {}) => HealthCheck.parse({ timeout_seconds: 5, ...over });

test('answers from 200 to 399 are good and no redirect is followed', async () => {
  const asked: string[] = [];
  const port = await listen(
    http.createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(Number(request.url?.slice(1)), { location: '/500' }).end('body');
    }),
  );
  for (const status of [200, 204, 302, 399])
    expect(await checkHealth(spec({ path: `/${status}` }), port)).toEqual({ ok: true, status, latency_ms });
  expect(asked).toEqual(['/200', '/204', '/302', '/399']);
  const bad = await checkHealth(spec({ path: '/404' }), port);
  const message = `GET /404 on port ${port} answered 404`;
  expect(bad).toEqual({ ok: false, reason: 'bad', message, status: 404, latency_ms });
});

test('an answer without end is good when its head is', async () => {
  const port = await listen(
    http.createServer((_, response) => {
      response.writeHead(200).write('forever');
    }),
  );
  expect(await checkHealth(spec(), port)).toEqual({ ok: true, status: 200, latency_ms });
});

test('a path that never answers is told from one where nothing listens', async () => {
  const port = await listen(http.createServer(() => {}));
  const silent = await checkHealth(spec({ timeout_seconds: 0.2, path: '/slow' }), port);
  expect(silent).toEqual({
    ok: false,
    reason: 'silent',
    message: expect.stringContaining('within 0.2 s'),
    status: null,
    latency_ms: null,
  });
  const gone = await listen(net.createServer());
  await new Promise((resolve) => servers.at(-1)?.close(resolve));
  expect(await checkHealth(spec(), gone)).toMatchObject({ ok: false, reason: 'refused' });
});

test('what is not HTTP is bad for http and good for tcp', async () => {
  const port = await listen(
    net.createServer((socket) => {
      socket.on('error', () => {});
      socket.end('SSH-2.0-OpenSSH\r\n');
    }),
  );
  expect(await checkHealth(spec(), port)).toMatchObject({ ok: false, reason: 'bad' });
  expect(await checkHealth(spec({ type: 'tcp' }), port)).toEqual({ ok: true, status: null, latency_ms });
});

describe('an answer', () => {
  /** Answers with these pieces, each sent by itself, and ends only when told to. */
  const answering = (pieces: readonly string[], ends: boolean) =>
    listen(
      net.createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', async () => {
          for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
          if (ends) socket.end();
        });
      }),
    );

  test('is understood in whatever pieces it comes, and whatever head comes before its own', async () => {
    const text = 'HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
    for (const pieces of [[text], [...text]]) {
      expect(await checkHealth(spec(), await answering(pieces, false))).toEqual({ ok: true, status: 200, latency_ms });
    }
  });

  test('is good by its head, whether its body comes in chunks, or never whole', async () => {
    for (const body of ['transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', 'content-length: 9\r\n\r\nok']) {
      const port = await answering([`HTTP/1.1 200 OK\r\n${body}`], false);
      expect(await checkHealth(spec(), port)).toEqual({ ok: true, status: 200, latency_ms });
    }
  });

  test('that ends before it began, or is cut in its head, or has none, is bad', async () => {
    for (const [pieces, message] of [
      [[], 'broke off'],
      [['HTTP/1.1 200 OK\r\nserver'], 'not HTTP'],
      [['HTTP/1.1 2x0 OK\r\n\r\n'], 'not HTTP'],
      [[`HTTP/1.1 200 OK\r\nx: ${'x'.repeat(20_000)}`], 'not HTTP'],
    ] as const) {
      const result = await checkHealth(spec(), await answering(pieces, true));
      expect(result).toMatchObject({ ok: false, reason: 'bad', message: expect.stringContaining(message) });
    }
  });
});

test('a check that is given up says so, also when it was before it began', async () => {
  const port = await listen(http.createServer(() => {}));
  const given_up = { ok: false, reason: 'silent', message: expect.stringContaining('given up') };
  const ending = new AbortController();
  const checking = checkHealth(spec({ timeout_seconds: 60 }), port, ending.signal);
  setTimeout(() => ending.abort(), 20);
  expect(await checking).toMatchObject(given_up);
  expect(await checkHealth(spec({ timeout_seconds: 60 }), port, ending.signal)).toMatchObject(given_up);
});
