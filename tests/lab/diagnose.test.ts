/**
 * A real server is asked how it is, without a terminal on it: an agent installed by its line, services under systemd, HAProxy before them and a
 * firewall around it. What it says is held against what the server itself says.
 */
import { diagnosisLimits } from '@mainstay/contract/diagnosis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LabHost, whyNoLab } from './open-lab.ts';
import type { Panel } from './panel.ts';
import { openServedHost, type ServedHost, served_port } from './served-host.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: diagnosing hosts of the lab: ${missing}`);

const secret = 'correct-horse-battery';
const program = `
import { createServer } from 'node:http';
console.log('the key is ' + process.env.KEY);
createServer((request, response) => {
  if (request.url === '/end') process.exit(7);
  response.end('v1');
}).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

describe.skipIf(missing !== null)(`diagnosing a server${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let at: ServedHost;
  let host: LabHost;
  let panel: Panel;

  const ask = async (unit?: string) =>
    (await panel.client['servers.diagnose']({ server: 'h1', ...(unit === undefined ? {} : { unit }) })).diagnosis;
  const get = (path: string) =>
    fetch(`http://${host.ip}:${served_port}${path}`, { signal: AbortSignal.timeout(5_000) }).then(
      (response) => response.text(),
      (error: Error) => error.message,
    );

  beforeAll(async () => {
    at = await openServedHost({
      name: 'diagnose',
      panel_port: 32_410,
      files: { 'server.mjs': program },
      install: '--security-mode daemon-port',
      secrets: { KEY: secret },
    });
    ({ host, panel } = at);
  });
  afterAll(() => at?.close());

  test('its units are those of systemd, with what systemd knows of them', async () => {
    await expect.poll(() => get('/'), { timeout: 90_000 }).toBe('v1');
    // It answers a moment before its server looks after it.
    const isRunning = async () => (await ask()).units.find(({ name }) => name === 'service/web')?.sub_state;
    await expect.poll(isRunning, { timeout: 60_000, interval: 500 }).toBe('running');
    const { units, supervisor, proxy } = await ask();
    expect({ supervisor, proxy }).toEqual({ supervisor: 'systemd', proxy: 'haproxy' });
    const named = (name: string) => units.find((unit) => unit.name === name);
    expect(named('agent')).toMatchObject({ unit: 'mainstay-agent.service', state: 'active', sub_state: 'running' });
    expect(named('proxy')).toMatchObject({ unit: 'mainstay-haproxy.service', state: 'active', restarts: 0 });
    const web = named('service/web')!;
    expect(web).toMatchObject({ state: 'active', sub_state: 'running', restarts: 0, last_exit: null });
    expect(web.unit).toMatch(/^mainstay-web-ins_[0-9a-f]+\.service$/);
    for (const { unit, pid, memory_bytes, since } of units) {
      const shown = await host.run(['systemctl', 'show', '--property=MainPID', '--value', unit!]);
      expect(pid, unit!).toBe(Number(shown));
      expect(memory_bytes, unit!).toBeGreaterThan(1_000_000);
      expect(Math.abs(Date.now() - since!), unit!).toBeLessThan(600_000);
    }
  });

  test('every port that ss lists is told, and whose it is', async () => {
    const { ports } = await ask();
    const listed = (await host.run(['ss', '-H', '-tln'])).split('\n').flatMap((line) => {
      const port = /:(\d+)$/.exec(line.split(/\s+/)[3] ?? '')?.[1];
      return port === undefined ? [] : [Number(port)];
    });
    const told = new Set(ports.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port));
    expect(listed.filter((port) => !told.has(port))).toEqual([]);
    expect(ports.find(({ port }) => port === served_port)).toMatchObject({
      process: 'haproxy',
      unit: 'proxy',
      own: true,
      address: '0.0.0.0',
    });
    expect(ports.find(({ unit }) => unit === 'service/web')).toMatchObject({ address: '127.0.0.1', own: true });
  });

  test('disks, memory, clock and the checks of the doctor are told, the security mode in force among them', async () => {
    const { disks, memory, clock, checks } = await ask();
    expect(disks.find(({ mount }) => mount === '/')?.total_bytes).toBeGreaterThan(0);
    expect(memory!.total_bytes).toBeGreaterThan(memory!.available_bytes);
    expect(Math.abs(clock.offset_ms!)).toBeLessThan(5_000);
    const doctor = JSON.parse((await host.exec(['mainstay-agent', 'doctor', '--json'])).stdout) as { name: string }[];
    expect(checks.map(({ name }) => name).sort()).toEqual(doctor.map(({ name }) => name).sort());
    const expected = expect.objectContaining({
      name: 'security',
      ok: true,
      message: expect.stringContaining('in force'),
    });
    expect(doctor).toContainEqual(expected);
    expect(checks).toContainEqual(expected);
    expect(checks.filter(({ ok }) => !ok)).toEqual([]);
  });

  test('the journal of the agent and of a unit is shown, newest last, and secrets are masked in it', async () => {
    const { logs } = await ask('service/web');
    const [agent, web] = logs.map(({ lines }) => lines.map(({ text }) => text));
    expect(agent!.join('\n')).toContain('Started');
    expect(web).toContain('the key is [masked]');
    expect(JSON.stringify(logs)).not.toContain(secret);
    const proxy = (await ask('proxy')).logs[1]!;
    expect(proxy.source).toContain('mainstay-haproxy.service');
    expect(proxy.lines.length).toBeGreaterThan(0);
    await expect(ask('ssh.service')).rejects.toMatchObject({ code: 'NotFound', field: 'unit' });
  });

  test('a service that ended, and a unit of the machine that failed, are told with how', async () => {
    await get('/end');
    await host.exec(['systemd-run', '--unit=broken-thing', '--quiet', 'false']);
    const told = async () => {
      const { units, failed_units } = await ask();
      const web = units.find(({ name }) => name === 'service/web');
      const failed = failed_units?.some(({ unit }) => unit === 'broken-thing.service');
      return { code: web?.last_exit?.code, restarts: web?.restarts, failed };
    };
    await expect.poll(told, { timeout: 60_000, interval: 500 }).toEqual({ code: 7, restarts: 1, failed: true });
  });

  test('the end of the agent itself is remembered by the journal, and the command shows all of it', async () => {
    await host.run(['systemctl', 'kill', '--signal=SIGKILL', '--kill-whom=main', 'mainstay-agent.service']);
    const end = async () => {
      const diagnosis = await ask().catch(() => null);
      return diagnosis?.units.find(({ name }) => name === 'agent');
    };
    await expect
      .poll(end, { timeout: 90_000, interval: 1_000 })
      .toMatchObject({ restarts: 1, last_exit: { code: null, signal: 'SIGKILL' } });
    const text = await panel.cli('servers', 'diagnose', 'h1', '--unit', 'proxy', '--lines', '5');
    expect(text).toContain('mainstay-haproxy.service');
    expect(text).toMatch(/8080\/tcp +0\.0\.0\.0 +haproxy \(\d+\) +proxy \(Mainstay\)/);
    expect(text).toContain('SIGKILL');
    const answer = JSON.parse(await panel.cli('servers', 'diagnose', 'h1', '--lines', '500', '--json')) as object;
    expect(Buffer.byteLength(JSON.stringify(answer))).toBeLessThan(diagnosisLimits.answer_bytes_max);
    console.log(text);
  });

  test('a server that is off is named with when it was seen, and nothing is waited for', async () => {
    await host.powerOff();
    const state = async () => (await panel.client['servers.get']({ server: 'h1' })).server.state;
    await expect.poll(state, { timeout: 90_000, interval: 1_000 }).toBe('offline');
    await expect(ask()).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^Server "h1" is offline: last seen \d+ s ago/),
    });
  });
});
