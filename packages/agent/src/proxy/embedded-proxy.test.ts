/** The embedded proxy: the laws of the port, and what is its own. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '@mainstay/runtime/log';
import { describe, expect, test } from 'vitest';
import { ask, type Harness, raw, until, withHarness } from './conformance/harness.ts';
import { boundsOfHolding } from './conformance/switch-laws.ts';
import { createEmbeddedProxy } from './embedded-proxy.ts';
import { proxyConformance } from './proxy.conformance.ts';
import type { ProxyLimits } from './server/limits.ts';

const log = silentLogger();
const routes = [{ prefix: '/', strip: false, service: 'api' }];

proxyConformance('embedded', (home) => createEmbeddedProxy({ home, log }));

const withLimits = (limits: Partial<ProxyLimits>, run: (h: Harness) => Promise<void>) =>
  withHarness((home) => createEmbeddedProxy({ home, log, limits }), run);

describe('the bounds of the embedded proxy', { timeout: 30_000 }, () => {
  test('requests that are held wait no longer and in no greater number than they may', () =>
    withLimits({ held_requests_max: 2, held_ms: 100 }, boundsOfHolding));

  test('a request head that trickles in is given up', () =>
    withLimits({ request_head_timeout_ms: 300 }, async (h) => {
      await h.apply({ services: { api: { active: null } }, routes });
      const connection = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
      const drip = setInterval(() => connection.socket.write('a'), 50);
      await until('it is closed', () => connection.closed());
      clearInterval(drip);
      expect(connection.text()).toMatch(/^HTTP\/1\.1 408 /);
    }));

  test('a body that stops coming is 408, one that is too large is 413, an answer that never comes is 504', () =>
    withLimits(
      { request_body_idle_ms: 300, request_body_bytes_max: 1_000, response_head_timeout_ms: 300 },
      async (h) => {
        const active = await h.backend('mute', (incoming) => void incoming.resume());
        await h.apply({ services: { api: { active } }, routes });
        const idle = raw(h.external, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc');
        const told = raw(h.external, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\nabc');
        const grown = raw(
          h.external,
          `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n${'a'.repeat(1_001)}\r\n`,
        );
        for (const [connection, status] of [
          [idle, 408],
          [told, 413],
          [grown, 413],
        ] as const) {
          await until(`${status} is answered`, () => connection.closed());
          expect(connection.text()).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
        }
        expect((await ask(h.external)).status).toBe(504);
      },
    ));

  test('an open stream outlives the time that a head may take', () =>
    withLimits({ response_head_timeout_ms: 200 }, async (h) => {
      let stream: import('node:http').ServerResponse | undefined;
      const active = await h.backend('open', (_incoming, response) => {
        stream = response;
        response.write('begun');
      });
      await h.apply({ services: { api: { active } }, routes });
      const connection = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('it has begun', () => connection.text().includes('begun'));
      await new Promise((done) => setTimeout(done, 2_500));
      stream!.end('ended');
      await until('it has ended', () => connection.text().includes('ended'));
      connection.socket.destroy();
    }));
});

describe('the embedded proxy as a process', { timeout: 30_000 }, () => {
  test('its errors are JSON for who accepts JSON, and text for others', () =>
    withLimits({}, async (h) => {
      await h.apply({ services: { api: { active: null } }, routes: [] });
      const json = await ask(h.external, { headers: { accept: 'application/json' } });
      expect(JSON.parse(json.body)).toMatchObject({ code: 'NotFound' });
      expect((await ask(h.external)).headers['content-type']).toMatch(/^text\/plain/);
    }));

  test('its socket and files are the owner’s alone', () =>
    withLimits({}, async (h) => {
      await h.apply({ services: {}, routes: [] });
      for (const name of ['control.sock', 'config.json', 'proxy.log']) {
        expect(statSync(join(h.home, name)).mode & 0o077, name).toBe(0);
      }
    }));

  test('a configuration that is wrong is refused by its field, and changes nothing', () =>
    withLimits({}, async (h) => {
      const active = await h.backend('kept', (_incoming, response) => response.end('kept'));
      await h.apply({ services: { api: { active } }, routes });
      const good = h.config({});
      const clash = { prefix: '/', strip: true, service: 'api' };
      const other = { prefix: '/x', strip: true, service: 'other' };
      const cases: [unknown, RegExp][] = [
        [{ ...good, routes: [...routes, clash] }, /routes\.1\.prefix/],
        [{ ...good, routes: [other] }, /routes\.0\.service/],
        [{ ...good, external: { host: '127.0.0.1', port: 99_999 } }, /external\.port/],
        [{ ...good, internal: { domain: 'svc.internal', port: good.external!.port } }, /internal\.port/],
        [{ ...good, services: { api: { ...good.services['api'], held: 'no' } } }, /services\.api\.held/],
        [{ ...good, more: 1 }, /config\.more/],
      ];
      const before = readFileSync(join(h.home, 'config.json'), 'utf8');
      for (const [config, field] of cases) await expect(h.proxy.apply(config as typeof good)).rejects.toThrow(field);
      expect(readFileSync(join(h.home, 'config.json'), 'utf8')).toBe(before);
      expect((await ask(h.external)).body).toBe('kept');
    }));

  test('a damaged configuration file keeps it from starting, and the message says why', () =>
    withLimits({}, async (h) => {
      await h.proxy.stop(0);
      writeFileSync(join(h.home, 'config.json'), '{"external": 5}');
      await expect(h.proxy.ensure()).rejects.toThrow(/could not be started/);
      writeFileSync(
        join(h.home, 'config.json'),
        JSON.stringify({ external: null, internal: null, routes: [], services: {} }),
      );
      expect((await h.proxy.ensure()).started).toBe(true);
    }));

  test('a state folder whose path is too long for a socket is refused by name', () => {
    expect(() => createEmbeddedProxy({ home: `/tmp/${'a'.repeat(100)}`, log })).toThrow(/too long/);
  });
});
