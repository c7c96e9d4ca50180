/**
 * What somebody changes on a real server behind Mainstay's back: an agent installed by its line, with services under systemd and HAProxy
 * before them. Each change is found, put back within the interval, and told in the server's state and events.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host_node } from './in-host/run-in-host.ts';
import { type LabHost, whyNoLab } from './open-lab.ts';
import type { Panel } from './panel.ts';
import { openServedHost, type ServedHost, served_port } from './served-host.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: drift on hosts of the lab: ${missing}`);

/** The agent looks every 10 s; the rest is for a machine that others use. */
const interval_ms = 10_000;
const put_back_ms_max = 45_000;

const home = '/var/lib/mainstay-agent';
const unit_file = '/etc/systemd/system/mainstay-haproxy.service';
const program = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
createServer((_, response) => response.end(readFileSync('version.txt'))).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

describe.skipIf(missing !== null)(`drift on hosts${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let at: ServedHost;
  let host: LabHost;
  let panel: Panel;

  const reported = async () => (await panel.client['servers.get']({ server: 'h1' })).reported;
  const served = () =>
    fetch(`http://${host.ip}:${served_port}/`, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.text(),
      (error: Error) => error.message,
    );
  const sh = (script: string) => host.run(['sh', '-c', script]);

  beforeAll(async () => {
    const files = { 'server.mjs': program, 'version.txt': 'v1' };
    at = await openServedHost({ name: 'hx-drift', panel_port: 32_310, files });
    ({ host, panel } = at);
  });
  afterAll(() => at?.close());

  const diagnosis = async () => {
    const { drift, problems } = (await reported())!;
    const log = await host.run(['journalctl', '-u', 'mainstay-agent', '-n', '25', '-o', 'cat', '--no-pager']);
    return `${JSON.stringify({ drift, problems }, null, 1)}\n${log}`;
  };

  /** Makes a change; gives the drift that is told of it, once it is put back and the service serves. */
  const change = async (script: string, what: RegExp) => {
    const began = Date.now();
    await sh(script);
    const found = async () =>
      (await reported())?.drift.find((one) => what.test(one.what) && one.found_at >= began && one.put_back_at !== null);
    const until = began + put_back_ms_max;
    while (!(await found())) {
      if (Date.now() < until) await new Promise((done) => setTimeout(done, 300));
      else throw new Error(`${what} was not put back: ${await diagnosis()}`);
    }
    await expect.poll(served, { timeout: 20_000 }).toBe('v1');
    const drift = (await found())!;
    console.log(`${drift.what}: ${drift.found}; put back after ${drift.put_back_at! - began} ms; by ${drift.by}`);
    return drift;
  };

  test('services are under systemd, HAProxy is before them, and there is no drift', async () => {
    await expect.poll(served, { timeout: 60_000 }).toBe('v1');
    expect((await reported())?.facts).toMatchObject({ supervisor: 'systemd', proxy: 'haproxy' });
    expect((await host.run(['systemctl', 'is-active', 'mainstay-haproxy'])).trim()).toBe('active');
    await new Promise((done) => setTimeout(done, interval_ms + 2_000));
    expect((await reported())?.drift).toEqual([]);
  });

  test('a service that was killed', async () => {
    const drift = await change(`systemctl kill --signal=SIGKILL 'mainstay-web-ins_*.service'`, /^service web$/);
    expect(drift.found).toBe('it was ended by SIGKILL');
  });

  test('a build that was deleted under its service', async () => {
    const drift = await change(`rm -rf ${home}/builds/bld_*`, /^build bld_\S+ of service web$/);
    expect(drift.found).toBe('it is not whole on disk');
  });

  test('files of HAProxy that were edited or deleted', async () => {
    const edited = await change(`sed -i 's/^  maxconn .*/  maxconn 7/' ${home}/haproxy/haproxy.cfg`, /haproxy\.cfg$/);
    expect(edited.found).toBe('another text');
    expect(Math.abs(edited.changed_at! - edited.found_at)).toBeLessThan(put_back_ms_max);
    expect(await host.readFile(`${home}/haproxy/haproxy.cfg`)).not.toContain('maxconn 7\n');
    expect((await change(`rm ${home}/haproxy/routes.map`, /routes\.map$/)).found).toBe('it is not there');
  });

  test('routes that were changed over HAProxy’s socket', async () => {
    const node = `const s=require('net').connect('${home}/haproxy/master.sock');s.end(process.argv[1]+'\\n');s.pipe(process.stdout)`;
    const tell = (command: string) => host.run([host_node, '-e', node, command]);
    const servers = await tell('@1 show servers state svc:web');
    const server = /(ins_\S+)/.exec(servers)![1];
    await tell(`@1 set server svc:web/${server} state maint`);
    const drift = await change('true', /^HAProxy$/);
    expect(drift.found).toBe('it was told others over its socket');
  });

  test('units that were edited, stopped, disabled or deleted', async () => {
    const before = await host.readFile(unit_file);
    expect((await change(`echo '# mine' >> ${unit_file}`, /mainstay-haproxy\.service$/)).found).toBe('another text');
    expect(await host.readFile(unit_file)).toBe(before);
    await change('systemctl disable --quiet --now mainstay-haproxy', /wants\/mainstay-haproxy\.service$/);
    expect((await host.run(['systemctl', 'is-enabled', 'mainstay-haproxy'])).trim()).toBe('enabled');
    await change(`rm ${unit_file}`, /mainstay-haproxy\.service$/);
    await change(
      'sed -i s/^Restart=always/Restart=no/ /etc/systemd/system/mainstay-agent.service',
      /mainstay-agent\.service$/,
    );
    expect((await host.run(['systemctl', 'show', 'mainstay-agent', '--value', '-p', 'Restart'])).trim()).toBe('always');
  });

  test('drop-ins of the agent’s units, and what was started under one', async () => {
    const override = '[Service]\\nMemoryMax=900M\\nEnvironment=OVERRIDE=1\\n';
    const dropping = (path: string, then = 'true') =>
      `mkdir -p ${path}.service.d && printf '${override}' > ${path}.service.d/x.conf && systemctl daemon-reload && ${then}`;
    const drop = (path: string, then?: string) => change(dropping(path, then), /service\.d\/x\.conf$/);
    const environ = (unit: string) => sh(`tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID '${unit}')/environ`);
    const unit = (await sh('ls /run/systemd/system | grep ^mainstay-web-ins_.*service$')).trim();
    const told = await drop(`/run/systemd/system/${unit.replace(/\.service$/, '')}`);
    expect(told).toMatchObject({ found: 'an override', expected: expect.stringContaining(unit) });
    expect(await sh(`systemctl show -P DropInPaths ${unit}`)).toBe('\n');

    await drop('/etc/systemd/system/mainstay-haproxy', 'systemctl restart mainstay-haproxy');
    await expect.poll(() => environ('mainstay-haproxy.service'), { timeout: 30_000 }).not.toContain('OVERRIDE');
    // It starts itself again, and has the event of it written down before.
    await sh(dropping('/etc/systemd/system/mainstay-agent', 'systemctl restart mainstay-agent'));
    await expect
      .poll(() => environ('mainstay-agent.service').catch(String), { timeout: 60_000 })
      .not.toContain('OVERRIDE');
    const events = async () =>
      JSON.stringify(await panel.client['events.list']({ kind: ['drift.repaired'], limit: 100 }));
    await expect.poll(events, { timeout: 30_000 }).toContain('mainstay-agent.service.d/x.conf: an override');
    await expect.poll(served, { timeout: 30_000 }).toBe('v1');

    expect((await change(`echo '# mine' >> /run/systemd/system/${unit}`, /ins_\S+\.service$/)).found).toBe(
      'another text',
    );
    expect(await sh(`tail -n 1 /run/systemd/system/${unit}`)).not.toContain('mine');
  });

  test('in security mode tunnel HAProxy listens on loopback only, and everywhere again after it', async () => {
    const listens = async () => (await sh(`ss -Hltn 'sport = :${served_port}' | awk '{ print $4 }' | sort -u`)).trim();
    expect(await listens()).toBe(`0.0.0.0:${served_port}`);
    await panel.cli('servers', 'secure', 'h1', 'tunnel', '--yes');
    await expect.poll(listens, { timeout: 60_000 }).toBe(`127.0.0.1:${served_port}`);
    expect(await served()).not.toBe('v1');
    expect((await sh(`curl -fsS -m 10 http://127.0.0.1:${served_port}/`)).trim()).toBe('v1');
    await panel.cli('servers', 'secure', 'h1', 'none', '--yes');
    await expect.poll(listens, { timeout: 60_000 }).toBe(`0.0.0.0:${served_port}`);
    await expect.poll(served, { timeout: 60_000 }).toBe('v1');
  });

  test('names and files of the agent', async () => {
    if ((await reported())?.names?.how === 'hosts') {
      await change(`sed -i '/svc.internal/d' /etc/hosts`, /^names of services$/);
      expect(await host.readFile('/etc/hosts')).toContain('web.svc.internal');
    }
    await change(`rm ${home}/identity.json`, /identity\.json$/);
    expect((await host.run(['stat', '-c', '%a', `${home}/identity.json`])).trim()).toBe('600');
  });

  test('all of it is in the events, and nothing of it is left when the agent goes', async () => {
    const kinds = async () => {
      const { events } = await panel.client['events.list']({ limit: 500 });
      return events.filter(({ kind }) => kind.startsWith('drift.')).length;
    };
    await expect.poll(kinds).toBeGreaterThanOrEqual(9);
    await host.run(['mainstay-agent', 'uninstall', '--yes'], { timeout_ms: 120_000 });
    expect(await sh(`find /etc /run/systemd /var/lib -name '*mainstay*'`)).toBe('');
    expect((await host.exec(['pgrep', '-f', 'mainstay'])).stdout).toBe('');
  });
});
