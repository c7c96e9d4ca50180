/** Laws of paths, hosts and header fields. */
import { expect, test } from 'vitest';
import type { Differences } from './differences.ts';
import { ask, type Harness, raw, type TestBackend, tellHeaders, until } from './harness.ts';

export function routingLaws(harness: () => Harness, differences: Differences): void {
  const named = async (...names: string[]) => {
    const h = harness();
    const services: Record<string, { active: TestBackend }> = {};
    for (const name of names) {
      services[name] = {
        active: await h.backend(name, (request, response) => response.end(`${name} ${request.url}`)),
      };
    }
    return services;
  };

  test('the longest path prefix wins, on segment boundaries only', async () => {
    const h = harness();
    await h.apply({
      services: await named('web', 'api', 'deep'),
      routes: [
        { prefix: '/', strip: false, service: 'web' },
        { prefix: '/api', strip: false, service: 'api' },
        { prefix: '/api/v1/deep', strip: false, service: 'deep' },
      ],
    });
    const cases: [string, string][] = [
      ['/', 'web /'],
      ['/api', 'api /api'],
      ['/api?x=1', 'api /api?x=1'],
      ['/api/', 'api /api/'],
      ['/api/x', 'api /api/x'],
      ['/apix', 'web /apix'],
      ['/API', 'web /API'],
      ['/api/v1/deeper', 'api /api/v1/deeper'],
      ['/api/v1/deep/x?y=/api', 'deep /api/v1/deep/x?y=/api'],
      ['/?/api', 'web /?/api'],
    ];
    for (const [path, body] of cases) expect((await ask(h.external, { path })).body, path).toBe(body);
  });

  test('a stripped prefix is taken off the path and told in X-Forwarded-Prefix', async () => {
    const h = harness();
    const active = await h.backend('strip', tellHeaders);
    await h.apply({ services: { api: { active } }, routes: [{ prefix: '/api', strip: true, service: 'api' }] });
    for (const [path, url] of [
      ['/api', '/'],
      ['/api?x', '/?x'],
      ['/api/x/y?z', '/x/y?z'],
      ['/api//evil.example/x', '/evil.example/x'],
    ]) {
      const told = JSON.parse((await ask(h.external, { path, headers: { 'X-Forwarded-Prefix': '/forged' } })).body);
      expect(told.url, path).toBe(url);
      expect(told.headers['x-forwarded-prefix']).toBe('/api');
    }
  });

  test('a path without a route is 404, a service without a backend is 503 with Retry-After', async () => {
    const h = harness();
    await h.apply({ services: { api: { active: null } }, routes: [{ prefix: '/api', strip: false, service: 'api' }] });
    expect((await ask(h.external, { path: '/other' })).status).toBe(404);
    const answer = await ask(h.external, { path: '/api' });
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('no spelling of a path leads out of its route', async () => {
    const h = harness();
    const services = await named('web', 'api');
    await h.apply({
      services,
      routes: [
        { prefix: '/', strip: false, service: 'web' },
        { prefix: '/api', strip: false, service: 'api' },
      ],
    });
    for (const path of [
      '/api/../secret',
      '/api/..',
      '/api/./x',
      '/api/%2e%2e/secret',
      '/api/%2E./secret',
      '/api/..%2fsecret',
      '/api/x%2f..%2f..%2fsecret',
      '/api/..%5csecret',
      '/api\\..\\secret',
      '/api/..;/secret',
      '/api/..%3bx/secret',
      '/api/%00',
      '/api/%zz',
    ]) {
      const connection = raw(h.external, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await until(`${path} is answered`, () => connection.closed());
      expect(connection.text(), path).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect([...services['api']!.active.seen, ...services['web']!.active.seen]).toEqual([]);
    // What is only unusual is data, and arrives byte for byte.
    for (const [path, body] of [
      ['/api/a%2Fb', 'api /api/a%2Fb'],
      ['/api//x', 'api /api//x'],
      ['//api/x', 'web //api/x'],
      ['/api%2Fx', 'web /api%2Fx'],
      ['/api/...', 'api /api/...'],
      ['/api/.well-known', 'api /api/.well-known'],
      ['/api/x?a=../..', 'api /api/x?a=../..'],
    ]) {
      expect((await ask(h.external, { path })).body, path).toBe(body);
    }
  });

  test('an absolute target is served by its path and its authority', async () => {
    const h = harness();
    const active = await h.backend('absolute', tellHeaders);
    await h.apply({ services: { web: { active } }, routes: [{ prefix: '/', strip: false, service: 'web' }] });
    const connection = raw(
      h.external,
      'GET http://real.example/x HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n',
    );
    await until('it is answered', () => connection.closed());
    if (differences.refuses_other_authority) {
      expect(connection.text()).toMatch(/^HTTP\/1\.1 400 /);
      expect(active.seen).toEqual([]);
      return;
    }
    const told = JSON.parse(connection.text().split('\r\n\r\n')[1]!);
    expect([told.url, told.headers.host]).toEqual(['/x', 'real.example']);
  });

  test('the internal listener goes by host name, in any case, with or without domain, port and final dot', async () => {
    const h = harness();
    await h.apply({ services: await named('web', 'api'), routes: [] });
    for (const host of [
      'api.svc.internal',
      'api',
      'API.Svc.Internal',
      `api.svc.internal:${h.internal}`,
      'api.svc.internal.',
    ]) {
      expect((await ask(h.internal, { path: '/x', headers: { host } })).body, host).toBe('api /x');
    }
    for (const host of ['other.svc.internal', 'api.svc.internal.example', 'svc.internal', '127.0.0.1']) {
      expect((await ask(h.internal, { headers: { host } })).status, host).toBe(404);
    }
  });

  test('each service has a loopback port of its own, and internal answers alone say which release gave them', async () => {
    const h = harness();
    const active = await h.backend('told', (_request, response) => {
      response.setHeader('x-mainstay-release', 'rel_forged');
      response.end('ok');
    });
    await h.apply({ services: { api: { active } }, routes: [{ prefix: '/', strip: false, service: 'api' }] });
    expect((await ask(h.ports['api']!, {})).headers['x-mainstay-release']).toBe(active.release_id);
    expect((await ask(h.internal, { headers: { host: 'api' } })).headers['x-mainstay-release']).toBe(active.release_id);
    expect((await ask(h.external, {})).headers['x-mainstay-release']).toBeUndefined();
  });

  test('hop-by-hop fields, and what Connection names, end at the proxy in both directions', async () => {
    const h = harness();
    const active = await h.backend('hops', (request, response) => {
      response.writeHead(200, {
        Connection: 'X-Private, keep-alive',
        'X-Private': '1',
        'Proxy-Connection': 'close',
        'X-Kept': '1',
        'Set-Cookie': ['a=1', 'b=2'],
      });
      response.end(JSON.stringify(request.headers));
    });
    await h.apply({ services: { api: { active } }, routes: [{ prefix: '/', strip: false, service: 'api' }] });
    const answer = await ask(h.external, {
      headers: {
        Connection: 'close, X-Secret , Content-Length, Host',
        'X-Secret': '1',
        'Keep-Alive': 'timeout=9',
        'Proxy-Connection': 'keep-alive',
        'Proxy-Authorization': 'Basic eDp5',
        Upgrade: 'h2c',
        'X-Kept': '1',
        Host: 'shop.example',
      },
    });
    const told = JSON.parse(answer.body);
    for (const name of ['x-secret', 'keep-alive', 'proxy-connection', 'proxy-authorization', 'upgrade']) {
      expect(told[name], name).toBeUndefined();
    }
    expect([told['x-kept'], told.host]).toEqual(['1', 'shop.example']);
    expect([answer.headers['x-private'], answer.headers['proxy-connection']]).toEqual([undefined, undefined]);
    expect([answer.headers['x-kept'], answer.headers['set-cookie']]).toEqual(['1', ['a=1', 'b=2']]);
  });

  test('the backend is told who asked, by which name, and under which id', async () => {
    const h = harness();
    const active = await h.backend('forwarded', tellHeaders);
    await h.apply({ services: { api: { active } }, routes: [{ prefix: '/', strip: false, service: 'api' }] });
    const plain = JSON.parse((await ask(h.external, { headers: { Host: 'shop.example:8080' } })).body).headers;
    expect(plain.host).toBe('shop.example:8080');
    expect(plain['x-forwarded-for']).toBe('127.0.0.1');
    expect([plain['x-forwarded-proto'], plain['x-forwarded-host']]).toEqual(['http', 'shop.example:8080']);
    expect(plain['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    const headers = { 'X-Forwarded-For': '203.0.113.9', 'X-Forwarded-Proto': 'https', 'X-Request-Id': 'abc-1' };
    const behind = JSON.parse((await ask(h.external, { headers })).body).headers;
    expect(behind['x-forwarded-for']).toBe('203.0.113.9, 127.0.0.1');
    expect([behind['x-forwarded-proto'], behind['x-request-id']]).toEqual(['https', 'abc-1']);
  });
}
