/** HAProxy: the laws of the port, and what is its own. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '@mainstay/runtime/log';
import { describe, expect, test } from 'vitest';
import { haproxyDifferences } from '../conformance/haproxy-differences.ts';
import { ask, type Harness, raw, startLoad, until, withHarness } from '../conformance/harness.ts';
import { boundsOfHolding, openStaying } from '../conformance/switch-laws.ts';
import { proxyConformance } from '../proxy.conformance.ts';
import { createHaproxyProxy, type HaproxyProxyOptions } from './haproxy-proxy.ts';
import { createMasterSocket } from './master-socket.ts';

const log = silentLogger();
const routes = [{ prefix: '/', strip: false, service: 'api' }];

const missing = spawnSync('haproxy', ['-v']).error
  ? ' (skipped: there is no haproxy here; apt-get install haproxy)'
  : '';

describe.skipIf(missing)(`on HAProxy${missing}`, () => {
  proxyConformance('haproxy', (home) => createHaproxyProxy({ home, log }), haproxyDifferences);
});

const withProxy = (options: Partial<HaproxyProxyOptions>, run: (h: Harness) => Promise<void>) => () =>
  withHarness((home) => createHaproxyProxy({ home, log, ...options }), run);
const processesOf = (h: Harness) => createMasterSocket(join(h.home, 'master.sock')).processes();
/** Adds a service, which is a change that needs a reload. */
const withMore = async (h: Harness, services: Parameters<Harness['apply']>[0]['services']) => {
  const { worker } = await processesOf(h);
  await h.apply({ services: { ...services, [`more-${worker}`]: { active: null } } });
  expect((await processesOf(h)).worker).not.toBe(worker);
};

describe.skipIf(missing)(`haproxy, driven${missing}`, { timeout: 60_000 }, () => {
  test(
    'a release switch, a hold and a cut are made by the worker that runs, without a reload',
    withProxy({}, async (h) => {
      const a = await h.backend('a', (_incoming, response) => response.end('a'));
      const b = await h.backend('b', (_incoming, response) => response.end('b'));
      await h.apply({ services: { api: { active: a } }, routes });
      const before = await processesOf(h);
      for (const active of [b, a, b]) {
        await h.apply({ services: { api: { active, held: true } } });
        await h.apply({ services: { api: { active } } });
        expect((await ask(h.external)).body).toBe(active.id.slice(4));
        await h.proxy.cut(a.id);
      }
      expect(await processesOf(h)).toEqual(before);
    }),
  );

  test(
    'a reload under load loses no request, and the last of many switches and reloads is what serves',
    withProxy({}, async (h) => {
      const backends = [];
      for (const id of ['a', 'b']) {
        const answer = (incoming: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) =>
          void incoming.resume().on('end', () => setTimeout(() => response.end(id), 3));
        backends.push(await h.backend(id, answer));
      }
      await h.apply({ services: { api: { active: backends[0]! } }, routes });
      const load = startLoad(h.external, 16);
      for (let turn = 1; turn <= 5; turn++) {
        await sleep(50);
        await withMore(h, { api: { active: backends[turn % 2]! } });
      }
      expect((await ask(h.external)).body).toBe('b');
      await sleep(100);
      const { sent, failed } = await load.stop();
      expect(failed).toEqual([]);
      expect(sent).toBeGreaterThan(100);
    }),
  );

  test(
    'what is open on a worker of before a reload is counted, goes on, and can be cut',
    withProxy({}, async (h) => {
      const { backend: old, broken, stream, says } = await openStaying(h, 'old');
      const next = await h.backend('next', (_incoming, response) => response.end('next'));
      await withMore(h, { api: { active: next } });
      expect((await ask(h.external)).body).toBe('next');
      expect((await h.proxy.status()).in_flight).toEqual({ [old.id]: 2 });
      expect(await says('still here')).toBe('still here');
      await h.proxy.cut(old.id);
      expect(await broken).toBe(1_006);
      await until('the stream is broken', () => stream.closed());
      await until('nothing is open', async () => Object.keys((await h.proxy.status()).in_flight).length === 0);
    }),
  );

  test(
    'a connection that was idle at a reload brings its next request to the release that serves then',
    withProxy({}, async (h) => {
      const a = await h.backend('a', (_incoming, response) => response.end('a'));
      const b = await h.backend('b', (_incoming, response) => response.end('b'));
      await h.apply({ services: { api: { active: a } }, routes });
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      expect((await ask(h.external, { agent })).body).toBe('a');
      await withMore(h, { api: { active: a } });
      await h.apply({ services: { api: { active: b } } });
      const answer = await ask(h.external, { agent, method: 'POST', body: 'x' });
      expect([answer.body, answer.headers.connection]).toEqual(['b', 'close']);
      agent.destroy();
    }),
  );

  test(
    'requests that wait at a reload go on to the release that serves when they are let go',
    withProxy({}, async (h) => {
      const a = await h.backend('a', (_incoming, response) => response.end('a'));
      const b = await h.backend('b', (_incoming, response) => response.end('b'));
      await h.apply({ services: { api: { active: a, held: true } }, routes });
      const waiting = ask(h.external);
      await until('it waits', async () => (await h.proxy.status()).waiting['api'] === 1);
      await withMore(h, { api: { active: a, held: true } });
      const waitingToo = ask(h.external);
      await until('both wait', async () => (await h.proxy.status()).waiting['api'] === 2);
      await h.apply({ services: { api: { active: b } } });
      expect([(await waiting).body, (await waitingToo).body]).toEqual(['b', 'b']);
    }),
  );

  test(
    'an agent that was restarted goes on with what runs, and changes nothing that is as it should be',
    withProxy({}, async (h) => {
      const active = await h.backend('kept', (_incoming, response) => response.write('begun'));
      await h.apply({ services: { api: { active } }, routes });
      const stream = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('it has begun', () => stream.text().includes('begun'));
      const before = await processesOf(h);
      const restarted = createHaproxyProxy({ home: h.home, log });
      expect(await restarted.ensure()).toEqual({ started: false, pid: before.master });
      await restarted.apply(h.config({}));
      expect((await restarted.status()).in_flight).toEqual({ [active.id]: 1 });
      expect(await processesOf(h)).toEqual(before);
      stream.socket.destroy();
    }),
  );

  test(
    'what somebody told it over its socket, or made it load, is undone and told',
    withProxy({}, async (h) => {
      const active = await h.backend('kept', (_incoming, response) => response.end('kept'));
      await h.apply({ services: { api: { active } }, routes });
      const socket = createMasterSocket(join(h.home, 'master.sock'));
      const { worker } = await processesOf(h);
      await socket.askWorker(worker!, `set server svc:api/${active.id} state maint`);
      expect((await ask(h.external)).status).toBe(503);
      expect(await h.proxy.repair()).toMatchObject([{ what: 'HAProxy', found: 'it was told others over its socket' }]);
      expect((await ask(h.external)).body).toBe('kept');
      // As an administrator would: an edit, and a reload.
      const config = join(h.home, 'haproxy.cfg');
      const edited = readFileSync(config, 'utf8').replace(`:${active.port} `, ':1 ');
      writeFileSync(config, edited);
      await socket.ask('reload');
      await until('the edit is in force', async () => (await ask(h.external)).status !== 200);
      expect((await h.proxy.repair()).map(({ what }) => what)).toContain(config);
      expect((await ask(h.external)).body).toBe('kept');
      expect(await h.proxy.repair()).toEqual([]);
    }),
  );

  test(
    'a configuration that HAProxy refuses, or that is wrong, leaves the one of before in force and says why',
    withProxy({}, async (h) => {
      const active = await h.backend('kept', (_incoming, response) => response.end('kept'));
      await h.apply({ services: { api: { active } }, routes });
      const before = await processesOf(h);
      const misled = createHaproxyProxy({ home: h.home, log, user: { user: 'no-such-user', group: 'no-such-group' } });
      await expect(misled.apply(h.config({}))).rejects.toThrow(/refused the configuration.*no-such-user/);
      const unknown = { ...h.config({}), routes: [{ prefix: '/x', strip: false, service: 'other' }] };
      await expect(h.proxy.apply(unknown)).rejects.toThrow(/routes\.0\.service/);
      expect(await processesOf(h)).toEqual(before);
      expect((await ask(h.external)).body).toBe('kept');
      process.kill(before.master, 'SIGKILL');
      await until('it is back', async () => (await h.proxy.ensure()).started);
      expect((await ask(h.external)).body).toBe('kept');
    }),
  );

  test(
    'with one thread, requests that were held go on in the order in which they came',
    withProxy({ limits: { threads_max: 1 } }, async (h) => {
      const active = await h.backend('order', (_incoming, response) => response.end('ok'));
      await h.apply({ services: { api: { active, held: true } }, routes });
      const answers = [];
      for (let i = 0; i < 10; i++) {
        answers.push(ask(h.external, { path: `/${i}` }));
        await until('it waits', async () => (await h.proxy.status()).waiting['api'] === i + 1);
      }
      await h.apply({ services: { api: { active } }, routes });
      for (const answer of answers) expect((await answer).status).toBe(200);
      expect(active.seen).toEqual(Array.from({ length: 10 }, (_, i) => `GET /${i}`));
    }),
  );

  test(
    'requests that are held wait no longer and in no greater number than they may',
    withProxy({ limits: { held_requests_max: 2, held_ms: 300 } }, boundsOfHolding),
  );

  test(
    'its errors are JSON for who accepts JSON, and its files are the owner’s alone',
    withProxy({}, async (h) => {
      await h.apply({ services: { api: { active: null } }, routes: [] });
      const json = await ask(h.external, { headers: { accept: 'application/json' } });
      expect(JSON.parse(json.body)).toMatchObject({ code: 'NotFound' });
      expect((await ask(h.external)).headers['content-type']).toMatch(/^text\/plain/);
      for (const name of readdirSync(h.home)) expect(statSync(join(h.home, name)).mode & 0o077, name).toBe(0);
    }),
  );

  test('a state folder that HAProxy could misread is refused by name', () => {
    for (const home of ['/tmp/with space', "/tmp/quote'", `/tmp/${'a'.repeat(100)}`]) {
      expect(() => createHaproxyProxy({ home, log })).toThrow(/cannot keep its state/);
    }
  });
});
