import * as http from 'node:http';
import * as net from 'node:net';
import { HealthCheck } from '@mainstay/contract/stack';
import { afterEach, expect, test } from 'vitest';
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
