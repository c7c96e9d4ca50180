/** Laws of the proxy as a process: it is found again, comes back as it was, and says what it could not do. */
import { appendFileSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, createHarness, freePort, type Harness, type MakeProxy, raw, until } from './harness.ts';

const routes = [{ prefix: '/', strip: false, service: 'api' }];

export function lifecycleLaws(makeProxy: MakeProxy): void {
  const withHarness = (run: (h: Harness) => Promise<void>) => async () => {
    const h = await createHarness(makeProxy);
    try {
      await run(h);
    } finally {
      await h.end();
    }
  };
  /** Processes whose command line names the folder, by /proc, without the children of such. */
  const processesOf = (home: string): string[] => {
    const named = readdirSync('/proc').filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(home);
      } catch {
        return false;
      }
    });
    return named.filter((pid) => {
      try {
        return !named.includes(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]!);
      } catch {
        return false;
      }
    });
  };
  const alive = (pid: number) => {
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  };

  test(
    'a proxy that runs is adopted, by whoever asks',
    withHarness(async (h) => {
      const { pid } = await h.proxy.status();
      expect(await h.proxy.ensure()).toEqual({ started: false, pid });
      const others = await Promise.all([makeProxy(h.home).ensure(), makeProxy(h.home).ensure()]);
      expect(others).toEqual([
        { started: false, pid },
        { started: false, pid },
      ]);
    }),
  );

  test(
    'a proxy that was killed comes back serving the same configuration',
    withHarness(async (h) => {
      const active = await h.backend('restart', (_incoming, response) => response.end('served'));
      await h.apply({ services: { api: { active } }, routes });
      const before = await h.proxy.status();
      process.kill(before.pid, 'SIGKILL');
      await until('it is gone', () => !alive(before.pid));
      await expect(h.proxy.status()).rejects.toThrow();
      const after = await h.proxy.ensure();
      expect(after.started).toBe(true);
      expect(after.pid).not.toBe(before.pid);
      expect((await ask(h.external)).body).toBe('served');
      expect((await ask(h.ports['api']!)).headers['x-mainstay-release']).toBe(active.release_id);
    }),
  );

  test(
    'the outside is served on loopback only, or everywhere, as it is told while it runs, and a new start serves it there',
    withHarness(async (h) => {
      const active = await h.backend('bind', (_incoming, response) => response.end('served'));
      const bind = (host: string) => {
        const config = h.config({ services: { api: { active } }, routes });
        return h.proxy.apply({ ...config, external: { host, port: h.external } });
      };
      // Another address of this machine, which only who listens everywhere has.
      const elsewhere = () =>
        fetch(`http://127.0.0.2:${h.external}/`, { signal: AbortSignal.timeout(10_000) }).then(
          (response) => response.text(),
          () => 'refused',
        );
      h.ports['api'] = await freePort();
      for (const [host, answer] of [
        ['0.0.0.0', 'served'],
        ['127.0.0.1', 'refused'],
        ['0.0.0.0', 'served'],
        ['127.0.0.1', 'refused'],
      ] as const) {
        await bind(host);
        expect((await h.proxy.status()).listener_errors).toEqual([]);
        await until(`it is ${answer} elsewhere, on ${host}`, async () => (await elsewhere()) === answer);
        expect((await ask(h.external)).body).toBe('served');
      }
      const { pid } = await h.proxy.status();
      process.kill(pid, 'SIGKILL');
      await until('it is gone', () => !alive(pid));
      await h.proxy.ensure();
      await until('it is served', async () => (await ask(h.external).catch(() => null))?.body === 'served');
      expect(await elsewhere()).toBe('refused');
    }),
  );

  test(
    'what was changed or deleted on disk is put back and told, and is what a new start serves',
    withHarness(async (h) => {
      expect(await h.proxy.repair()).toEqual([]);
      const active = await h.backend('drift', (_incoming, response) => response.end('served'));
      await h.apply({ services: { api: { active } }, routes });
      expect(await h.proxy.repair()).toEqual([]);
      const files = readdirSync(h.home).filter((name) => /^(config\.json|.*\.(cfg|map|lua))$/.test(name));
      for (const change of ['deleted', 'changed']) {
        for (const name of files) {
          if (change === 'deleted') rmSync(join(h.home, name));
          else appendFileSync(join(h.home, name), '\n# somebody was here\n');
        }
        const found = await h.proxy.repair();
        expect(found.map(({ what }) => what).sort()).toEqual(files.map((name) => join(h.home, name)).sort());
        for (const drift of found) {
          expect(drift.found).toBe(change === 'deleted' ? 'it is not there' : 'another text');
          expect(drift.changed_at !== null).toBe(change === 'changed');
        }
        expect(await h.proxy.repair()).toEqual([]);
        expect((await ask(h.external)).body).toBe('served');
      }
      const before = await h.proxy.status();
      process.kill(before.pid, 'SIGKILL');
      await until('it is gone', () => !alive(before.pid));
      await h.proxy.ensure();
      expect((await ask(h.external)).body).toBe('served');
    }),
  );

  test.skipIf(process.platform !== 'linux')(
    'two that start it at the same time end with one proxy',
    withHarness(async (h) => {
      await h.proxy.stop(0);
      const both = await Promise.all([makeProxy(h.home).ensure(), makeProxy(h.home).ensure()]);
      expect(both[0].pid).toBe(both[1].pid);
      expect(both.filter(({ started }) => started)).toHaveLength(1);
      await until('no other process has the folder', () => processesOf(h.home).length === 1);
      await h.proxy.stop(0);
      await until('none is left', () => processesOf(h.home).length === 0);
    }),
  );

  test(
    'a port that another program has is named, the rest is in force, and the port is taken when it is free',
    withHarness(async (h) => {
      const active = await h.backend('taken', (_incoming, response) => response.end('served'));
      await h.apply({ services: { api: { active } }, routes });
      const other = createServer();
      await new Promise<void>((done) => other.listen(0, '127.0.0.1', done));
      const { port } = other.address() as { port: number };
      const config = { ...h.config({}), external: { host: '127.0.0.1', port } };
      await expect(h.proxy.apply(config)).rejects.toThrow(new RegExp(`127\\.0\\.0\\.1:${port}`));
      expect((await h.proxy.status()).listener_errors).toMatchObject([{ host: '127.0.0.1', port }]);
      expect((await ask(h.ports['api']!)).body).toBe('served');
      await new Promise((done) => other.close(done));
      await until('the port is taken', async () => (await h.proxy.status()).listener_errors.length === 0);
      expect((await ask(port)).body).toBe('served');
      await expect(ask(h.external)).rejects.toThrow();
    }),
  );

  test(
    'stop lets open requests end, takes no new ones, and leaves no process',
    withHarness(async (h) => {
      let open: import('node:http').ServerResponse | undefined;
      const active = await h.backend('stop', (incoming, response) => {
        if (incoming.url !== '/long') return void response.end('short');
        open = response;
        response.write('begun ');
      });
      await h.apply({ services: { api: { active } }, routes });
      const { pid } = await h.proxy.status();
      const answer = ask(h.external, { path: '/long' });
      await until('it has begun', () => open !== undefined);
      const stopped = h.proxy.stop(20_000);
      await until('no new ones are taken', async () => (await ask(h.external).catch(() => null)) === null);
      open!.end('ended');
      expect((await answer).body).toBe('begun ended');
      await stopped;
      await until('the process is gone', () => !alive(pid));
    }),
  );

  test(
    'stop cuts what does not end in its time',
    withHarness(async (h) => {
      const active = await h.backend('endless', (_incoming, response) => response.write('begun'));
      await h.apply({ services: { api: { active } }, routes });
      const stream = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      await until('it has begun', () => stream.text().includes('begun'));
      await h.proxy.stop(100);
      await until('it is cut', () => stream.closed());
      expect(stream.text()).not.toMatch(/0\r\n\r\n$/);
    }),
  );

  test(
    'the metrics count answers by service and status class',
    withHarness(async (h) => {
      const active = await h.backend('metrics', (incoming, response) => {
        response.writeHead(incoming.url === '/bad' ? 500 : 200).end();
      });
      await h.apply({ services: { api: { active } }, routes });
      for (const path of ['/', '/', '/bad']) await ask(h.external, { path });
      const metrics = await h.proxy.metrics();
      expect(metrics).toMatch(/requests_total\{[^}]*service="api"[^}]*class="2xx"[^}]*\} 2$/m);
      expect(metrics).toMatch(/requests_total\{[^}]*service="api"[^}]*class="5xx"[^}]*\} 1$/m);
    }),
  );
}
