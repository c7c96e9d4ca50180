/** Laws of bodies in both directions: nothing waits in the proxy, nothing is lost, nothing grows without bound. */
import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Differences } from './differences.ts';
import { ask, type Harness, raw, type TestBackend, until } from './harness.ts';

const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';

export function streamLaws(harness: () => Harness, differences: Differences): void {
  const serve = async (id: string, listener: Parameters<Harness['backend']>[1]): Promise<TestBackend> => {
    const active = await harness().backend(id, listener);
    await harness().apply({ services: { api: { active } }, routes: [{ prefix: '/', strip: false, service: 'api' }] });
    return active;
  };

  test('the first event of a stream arrives while the stream is open', async () => {
    let stream: import('node:http').ServerResponse | undefined;
    await serve('sse', (_request, response) => {
      stream = response;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
    });
    const connection = raw(harness().external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the head came alone', () => connection.text().includes('\r\n\r\n'));
    stream!.write('data: 1\n\n');
    await until('the first event came', () => connection.text().includes('data: 1'));
    stream!.write('data: 2\n\n');
    await until('the second came', () => connection.text().includes('data: 2'));
    expect(connection.closed()).toBe(false);
    stream!.end();
    await until('the end came', () => connection.text().endsWith('0\r\n\r\n'));
    connection.socket.destroy();
  });

  test('a body that is sent piece by piece comes back piece by piece', async () => {
    await serve('echo', (incoming, response) => {
      response.writeHead(200);
      incoming.pipe(response);
    });
    let received = '';
    const outgoing = request({ host: '127.0.0.1', port: harness().external, method: 'POST', agent: false });
    const ended = new Promise<void>((done, fail) => {
      outgoing.on('error', fail);
      outgoing.on('response', (response) => {
        response.on('data', (chunk) => {
          received += chunk;
        });
        response.on('end', done);
      });
    });
    for (const piece of ['one', 'two', 'three']) {
      outgoing.write(piece);
      await until(`${piece} came back`, () => received.endsWith(piece));
    }
    outgoing.end();
    await ended;
    expect(received).toBe('onetwothree');
  });

  test('large bodies arrive whole in both directions, with and without a length', async () => {
    const size = 24 * 1024 * 1024;
    const content = randomBytes(size);
    const digest = createHash('sha256').update(content).digest('hex');
    await serve('large', (incoming, response) => {
      if (incoming.method === 'GET') {
        if (incoming.url === '/sized') response.setHeader('content-length', size);
        response.write(content.subarray(0, 1_000_001));
        response.end(content.subarray(1_000_001));
        return;
      }
      const hash = createHash('sha256');
      incoming.on('data', (chunk) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')));
    });
    for (const path of ['/sized', '/chunked']) {
      const down = await ask(harness().external, { path });
      expect(createHash('sha256').update(Buffer.from(down.body, 'latin1')).digest('hex'), path).toBe(digest);
      const headers: Record<string, string> = path === '/chunked' ? { 'transfer-encoding': 'chunked' } : {};
      expect((await ask(harness().external, { method: 'PUT', path, headers, body: content })).body).toBe(digest);
    }
  });

  test('a side that does not read stops the other: what lies between them is bounded', async () => {
    // Four buffers of the kernel, each of several megabytes, lie between the two ends.
    const bound = 48 * 1024 * 1024;
    let written = 0;
    let uploads: Socket | undefined;
    await serve('slow', (incoming, response) => {
      if (incoming.method === 'POST') {
        incoming.pause();
        uploads = incoming.socket;
        return;
      }
      const chunk = Buffer.alloc(65_536);
      const more = () => {
        while (!response.destroyed && written < bound * 4) {
          written += chunk.length;
          if (!response.write(chunk)) return;
        }
      };
      response.on('drain', more);
      more();
    });
    const down = raw(harness().external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    down.socket.pause();
    await until('the download began', () => written > 0);
    const up = raw(harness().external, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n');
    let sent = 0;
    let stalled = 0;
    const chunk = Buffer.alloc(65_536);
    let before = -1;
    await until('both stand still', async () => {
      while (up.socket.writableLength < 1024 * 1024) up.socket.write(chunk);
      sent = up.socket.bytesWritten - up.socket.writableLength;
      stalled = sent + written === before ? stalled + 1 : 0;
      before = sent + written;
      await new Promise((done) => setTimeout(done, 30));
      return stalled > 10;
    });
    expect(written).toBeLessThan(bound);
    expect(sent).toBeLessThan(bound);
    expect(uploads).toBeDefined();
    down.socket.destroy();
    up.socket.destroy();
  });

  test('trailers go both ways', async () => {
    let got: unknown;
    await serve('trailers', (incoming, response) => {
      incoming.resume().on('end', () => {
        got = incoming.trailers;
        response.writeHead(200, { Trailer: 'X-Sum' });
        response.write('body');
        response.addTrailers({ 'X-Sum': '42' });
        response.end();
      });
    });
    const connection = raw(
      harness().external,
      'POST / HTTP/1.1\r\nHost: x\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: X-Digest\r\n\r\n' +
        '3\r\nabc\r\n0\r\nX-Digest: 900\r\nAuthorization: forged\r\n\r\n',
    );
    await until('it is answered', () => /\r\n0\r\n.*\r\n\r\n$/s.test(connection.text()));
    const forged = differences.passes_all_trailers ? { authorization: 'forged' } : {};
    expect(got).toEqual({ 'x-digest': '900', ...forged });
    expect(connection.text()).toMatch(/0\r\nX-Sum: 42\r\n\r\n$/i);
    connection.socket.destroy();
  });

  test('a body that waits for 100 Continue is sent when the backend asks for it, and not when it refuses', async () => {
    let asked = 0;
    const active = await serve('continue', (incoming, response) => {
      incoming.pipe(response);
    });
    active.server.on('checkContinue', (incoming, response) => {
      asked++;
      if (incoming.url === '/refused') {
        response.writeHead(403, { connection: 'close' }).end('no');
        return;
      }
      response.writeContinue();
      incoming.pipe(response);
    });
    const head = 'HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n';
    const refused = raw(harness().external, `POST /refused ${head}`);
    await until('it is refused', () => /^HTTP\/1\.1 403 .*no/s.test(refused.text()));
    if (!differences.waits_for_refused_body) await until('it is closed', () => refused.closed());
    refused.socket.destroy();
    const taken = raw(harness().external, `POST /taken ${head}`);
    await until('it is asked for', () => taken.text().startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
    taken.socket.write('abc');
    await until('it is answered', () => /200 OK.*abc/s.test(taken.text()));
    expect(asked).toBe(2);
    taken.socket.destroy();
  });

  test('early hints come before the answer', async () => {
    await serve('hints', (_incoming, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' });
      setTimeout(() => response.end('page'), 20);
    });
    const connection = raw(harness().external, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await until('it is answered', () => connection.closed());
    expect(connection.text()).toMatch(/^HTTP\/1\.1 103 Early Hints\r\n.*rel=preload.*HTTP\/1\.1 200 OK.*page/s);
  });

  test('HEAD, 204 and 304 have no body, and the connection goes on', async () => {
    await serve('bodyless', (incoming, response) => {
      if (incoming.url === '/204') response.writeHead(204).end();
      else if (incoming.url === '/304') response.writeHead(304, { etag: '"1"', 'content-length': 5 }).end();
      else response.writeHead(200, { 'content-length': 5 }).end(incoming.method === 'HEAD' ? undefined : 'hello');
    });
    const connection = raw(
      harness().external,
      'HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET /204 HTTP/1.1\r\nHost: x\r\n\r\nGET /304 HTTP/1.1\r\nHost: x\r\n\r\n' +
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    await until('all are answered', () => connection.closed());
    const parts = connection.text().split('\r\n\r\n');
    expect(parts.map((part) => /^HTTP\/1\.1 (\d+)/.exec(part)?.[1])).toEqual(['200', '204', '304', '200', undefined]);
    expect(parts[0]).toMatch(/content-length: 5/i);
    expect(parts[1]).not.toMatch(/content-length/i);
    expect(parts[4]).toBe('hello');
  });

  test('an answer that ends with the connection is whole, and framed anew', async () => {
    await serve('until-close', (incoming) => {
      incoming.socket.end('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nold server');
    });
    expect((await ask(harness().external)).body).toBe('old server');
  });

  test('WebSockets carry messages both ways, large ones too', async () => {
    const active = await serve('websocket', (_incoming, response) => response.end());
    const server = new WebSocketServer({ server: active.server });
    server.on('connection', (socket) => socket.on('message', (data, binary) => socket.send(data, { binary })));
    const socket = new WebSocket(`ws://127.0.0.1:${harness().external}/echo`);
    const next = () => new Promise<Buffer>((done) => socket.once('message', (data) => done(data as Buffer)));
    await new Promise((done) => socket.once('open', done));
    socket.send('hello');
    expect((await next()).toString()).toBe('hello');
    const large = randomBytes(8 * 1024 * 1024);
    socket.send(large);
    expect((await next()).equals(large)).toBe(true);
    expect((await harness().proxy.status()).in_flight[active.id]).toBe(1);
    const closed = new Promise<number>((done) => socket.once('close', done));
    socket.close(4_001);
    expect(await closed).toBe(4_001);
    await until('nothing is open', async () => (await harness().proxy.status()).in_flight[active.id] === undefined);
  });

  test('each direction of a switched connection ends by itself', async () => {
    let received = '';
    const active = await serve('half', (_incoming, response) => response.end());
    active.server.on('upgrade', (_incoming, socket) => {
      const accept = 'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${accept}\r\n\r\nearly`,
      );
      socket.on('data', (chunk) => {
        received += chunk;
      });
      socket.on('end', () => setTimeout(() => socket.end('late'), 50));
    });
    const connection = raw(
      harness().external,
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\nfirst`,
      { allowHalfOpen: true },
    );
    await until('it switched', () => connection.text().endsWith('early'));
    connection.socket.end('last');
    await until('the other end came', () => connection.closed());
    expect(received).toBe('firstlast');
    expect(connection.text()).toMatch(/^HTTP\/1\.1 101 .*earlylate$/s);
  });

  test('a backend that declines to switch is heard', async () => {
    const active = await serve('declines', (_incoming, response) => response.end());
    active.server.on('upgrade', (_incoming, socket) => {
      socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno');
    });
    const head = `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`;
    const connection = raw(harness().external, head);
    await until('it is answered', () => /^HTTP\/1\.1 401 .*no$/s.test(connection.text()));
    connection.socket.destroy();
  });
}
