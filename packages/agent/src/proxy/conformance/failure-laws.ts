/** Laws of what breaks: the other side learns of it, and nothing is repeated that may have been acted upon. */
import { Agent } from 'node:http';
import { expect, test } from 'vitest';
import type { Differences } from './differences.ts';
import { ask, freePort, type Harness, raw, type TestBackend, until } from './harness.ts';

export function failureLaws(harness: () => Harness, differences: Differences): void {
  const serve = async (id: string, listener: Parameters<Harness['backend']>[1]): Promise<TestBackend> => {
    const active = await harness().backend(id, listener);
    await harness().apply({ services: { api: { active } }, routes: [{ prefix: '/', strip: false, service: 'api' }] });
    return active;
  };

  test('a client that leaves cancels its request at the backend, before and after the head', async () => {
    let cancelled = 0;
    const active = await serve('cancel', (incoming, response) => {
      response.on('close', () => cancelled++);
      if (incoming.url === '/begun') response.write('x');
    });
    for (const [count, path] of ['/waiting', '/begun', '/uploading'].entries()) {
      const body = path === '/uploading' ? 'Content-Length: 10\r\n\r\nabc' : '\r\n';
      const connection = raw(harness().external, `POST ${path} HTTP/1.1\r\nHost: x\r\n${body}`);
      await until('it is at the backend', () => active.seen.length === count + 1);
      if (path === '/begun') await until('it has begun', () => connection.text().includes('x'));
      connection.socket.destroy();
      await until(`${path} is cancelled`, () => cancelled === count + 1);
    }
    await until('nothing is open', async () => (await harness().proxy.status()).in_flight[active.id] === undefined);
  });

  test('an answer that is cut at the backend never ends cleanly at the client', async () => {
    await serve('cut', (incoming, response) => {
      if (incoming.url === '/sized') response.setHeader('content-length', 100);
      response.write('begun', () => setTimeout(() => incoming.socket.destroy(), 20));
    });
    for (const path of ['/sized', '/chunked']) {
      await expect(ask(harness().external, { path }), path).rejects.toThrow();
      const connection = raw(harness().external, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until('it is closed', () => connection.closed());
      expect(connection.text()).toContain('begun');
      expect(connection.text()).not.toMatch(/0\r\n\r\n$/);
    }
  });

  test('an answer that is no HTTP, or is framed in two ways, is 502', async () => {
    const answers: Record<string, string> = {
      '/garbage': 'hello\r\n\r\n',
      '/both': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      '/lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc',
      '/folded': 'HTTP/1.1 200 OK\r\nX-A: 1\r\n folded\r\nContent-Length: 0\r\n\r\n',
      '/space': 'HTTP/1.1 200 OK\r\nX-A : 1\r\nContent-Length: 0\r\n\r\n',
      '/feed': 'HTTP/1.1 200 OK\r\nX-A: 1\nX-B: 2\r\nContent-Length: 0\r\n\r\n',
      '/nothing': '',
    };
    await serve('garbage', (incoming) => void incoming.socket.end(answers[incoming.url!] ?? ''));
    for (const path of Object.keys(answers)) {
      const rewritten = differences.rewritten_answers.has(path);
      expect((await ask(harness().external, { path })).status, path).toBe(rewritten ? 200 : 502);
    }
  });

  test('a backend that refuses connections is 502, after a bounded number of attempts', async () => {
    const active = await serve('refuses', (_incoming, response) => response.end());
    await active.close();
    expect((await ask(harness().external)).status).toBe(502);
  });

  test('a backend that comes up within a second gets the request that came before it', async () => {
    const port = await freePort();
    const early = { id: 'ins_late', release_id: 'rel_late', port };
    await harness().apply({
      services: { api: { active: early } },
      routes: [{ prefix: '/', strip: false, service: 'api' }],
    });
    const answer = ask(harness().external, { method: 'POST', body: 'data' });
    await new Promise((done) => setTimeout(done, 200));
    await harness().backend('late', (incoming, response) => incoming.pipe(response), port);
    expect(await answer).toMatchObject({ status: 200, body: 'data' });
  });

  test('a request without a body is repeated once when a used connection turns out to be dead; one with a body never', async () => {
    let requests = 0;
    const active = await serve('dies', (incoming, response) => {
      // The second request on a connection finds it dead, as when the server closes an idle one at that moment.
      const socket = incoming.socket as typeof incoming.socket & { used?: boolean };
      requests++;
      if (socket.used) return void socket.destroy();
      socket.used = true;
      incoming.resume();
      incoming.on('end', () => response.end('ok'));
    });
    const agent = new Agent({ keepAlive: true });
    const get = () => ask(harness().external, { agent });
    const post = () => ask(harness().external, { agent, method: 'POST', body: 'x' });
    expect((await get()).status).toBe(200);
    expect((await get()).status).toBe(200);
    expect(requests).toBe(3);
    if (differences.closes_where_connection_died) await expect(post()).rejects.toThrow();
    else expect((await post()).status).toBe(502);
    expect(requests).toBe(4);
    expect(active.seen.filter((line) => line.startsWith('POST'))).toHaveLength(1);
    agent.destroy();
  });

  test('an answer that comes before the body is whole reaches the client', async () => {
    await serve('early', (_incoming, response) => response.writeHead(413).end('too large'));
    const connection = raw(harness().external, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc');
    await until('it is answered', () => connection.text().includes('too large'));
    connection.socket.destroy();
  });
}
