/** Laws of requests that could be read in two ways: refused, the connection closed, nothing reaches a backend. */
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { Differences } from './differences.ts';
import { type Harness, raw, until } from './harness.ts';

const shapes: Record<string, string> = {
  'Content-Length beside Transfer-Encoding':
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'Transfer-Encoding beside Content-Length':
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n',
  'two Content-Lengths that differ': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab',
  'two Content-Lengths that agree': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na',
  'a list of Content-Lengths': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na',
  'a signed Content-Length': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na',
  'a hexadecimal Content-Length': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na',
  'an endless Content-Length': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\na',
  'an empty Content-Length': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\na',
  'a coding before chunked': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  'a coding after chunked': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  'chunked twice in one field': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n',
  'chunked in two fields':
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'an unknown coding': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'a quoted coding': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
  'Transfer-Encoding in HTTP/1.0': 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a vertical tab before chunked': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n',
  'a folded line': 'GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\n folded\r\n\r\n',
  'a folded Transfer-Encoding': 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
  'bare line feeds': 'GET / HTTP/1.1\nHost: x\n\n',
  'a bare line feed in the head': 'GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\nX-B: 2\r\n\r\n',
  'a bare carriage return in a value': 'GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\rX-B: 2\r\n\r\n',
  'a space before the colon': 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 1\r\n\r\na',
  'a space before the first name': 'GET / HTTP/1.1\r\n Host: x\r\n\r\n',
  'a name with a forbidden character': 'GET / HTTP/1.1\r\nHost: x\r\nX(A): 1\r\n\r\n',
  'a NUL in a value': 'GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n',
  'a line without a colon': 'GET / HTTP/1.1\r\nHost: x\r\nnothing\r\n\r\n',
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': 'GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n',
  'a Host with a path': 'GET / HTTP/1.1\r\nHost: x/y\r\n\r\n',
  'user information in the target': 'GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n',
  'a chunk size that is not hexadecimal':
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n',
  'a chunk longer than its size':
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n',
  'a chunk line that ends with a bare line feed':
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n',
  'a version that does not exist': 'GET / HTTP/1.7\r\nHost: x\r\n\r\n',
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a WebSocket with a body':
    'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc',
};

export function smugglingLaws(harness: () => Harness, differences: Differences): void {
  for (const [name, shape] of Object.entries(shapes)) {
    const rewritten = differences.rewritten_requests.has(name);
    const law = rewritten ? 'reaches the backend in one clear reading' : 'is refused, and what follows is not read';
    test(`${name} ${law}`, async () => {
      const h = harness();
      const requests: string[] = [];
      const sockets = new Set<Socket>();
      // A bare socket as backend: it sees every byte that is forwarded, whether or not it makes a request.
      const server = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          requests.push(chunk.toString('latin1'));
          if (chunk.includes('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const { port } = server.address() as { port: number };
      try {
        await h.apply({
          services: { api: { active: { id: `ins_${port}`, release_id: 'rel_raw', port } } },
          routes: [{ prefix: '/', strip: false, service: 'api' }],
        });
        const connection = raw(h.external, `${shape}GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n`);
        if (rewritten) {
          await until('it is answered', () => /^HTTP\/1\.1 200 .*ok/s.test(connection.text()));
          connection.socket.destroy();
          expect(clearMessages(requests.join(''))).toBeGreaterThan(0);
          return;
        }
        await until('the connection is closed', () => connection.closed());
        expect(connection.text()).toMatch(/^HTTP\/1\.1 (400|417|422|501|505) /);
        expect(connection.text().match(/HTTP\/1\.1 /g)).toHaveLength(1);
        expect(requests.join('')).not.toContain('smuggled');
        // A body that turns out to be broken may have been begun, but its message never ends well.
        if (!/chunk/.test(name)) expect(requests).toEqual([]);
        else expect(requests.join('')).not.toMatch(/\r\n0\r\n\r\n$/);
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    });
  }

  test('a head that is too large, or has too many fields, is 431', async () => {
    const h = harness();
    const connection = raw(h.external, `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`);
    await until('the connection is closed', () => connection.closed());
    const tooLarge = new RegExp(`^HTTP/1\\.1 ${differences.large_head_status} `);
    expect(connection.text()).toMatch(tooLarge);
    const many = raw(h.external, `GET / HTTP/1.1\r\nHost: x\r\n${'a: b\r\n'.repeat(1_000)}\r\n`);
    await until('the connection is closed', () => many.closed());
    expect(many.text()).toMatch(tooLarge);
  });

  test('CONNECT is not served', async () => {
    const connection = raw(harness().external, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n');
    await until('the connection is closed', () => connection.closed());
    expect(connection.text()).toMatch(/^HTTP\/1\.1 405 /);
  });

  test('a client that only connects and leaves harms nobody', async () => {
    const h = harness();
    for (let i = 0; i < 20; i++)
      connect(h.external, '127.0.0.1', function (this: Socket) {
        this.destroy();
      });
    await until('it still answers', async () => /^HTTP\/1\.1 /.test(await firstBytes(h.external)));
  });
}

async function firstBytes(port: number): Promise<string> {
  const connection = raw(port, 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await until('it is answered', () => connection.closed());
  return connection.text();
}

/** Counts the requests in what a backend was sent. Throws unless each is framed once, and by the letter of RFC 9112. */
function clearMessages(text: string): number {
  let rest = text;
  let count = 0;
  while (rest !== '') {
    const [head] = /^[A-Z]+ \S+ HTTP\/1\.1\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\r\n]*\r\n)+\r\n/.exec(rest) ?? [];
    if (!head) throw new Error(`not a clear head: ${JSON.stringify(rest)}`);
    const framing = [...head.matchAll(/^(content-length|transfer-encoding): (.*)\r$/gim)];
    if (framing.length > 1) throw new Error(`framed twice: ${JSON.stringify(head)}`);
    rest = rest.slice(head.length);
    const [, name, value] = framing[0] ?? [];
    if (/^transfer/i.test(name ?? '')) {
      const [body] = /^(?:[1-9a-f][0-9a-f]*\r\n[^\r\n]+\r\n)*0\r\n\r\n/.exec(rest) ?? [];
      if (value !== 'chunked' || !body) throw new Error(`not clearly chunked: ${JSON.stringify(rest)}`);
      rest = rest.slice(body.length);
    } else if (name) rest = rest.slice(Number(value));
    count++;
  }
  return count;
}
