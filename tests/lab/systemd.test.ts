/**
 * Services under systemd on a real server: the laws of supervisors and builders run inside of it, and a whole agent, installed by its
 * line, deploys there, is killed, is rebooted, loses power in the middle of a deploy, and goes without a trace.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRepository,
  type GitServer,
  type Repository,
  serveGit,
} from '@mainstay/agent/workspace/git-server.fixtures';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { host_node, runHostTests, takeIntoHost } from './in-host/run-in-host.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: systemd on hosts of the lab: ${missing}`);

const laws = join(import.meta.dirname, 'in-host', 'systemd-laws.ts');
const panel_port = 31_210;
const proxy_port = 8080;
const exposure_max = 2.5;

/** Answers with its version, and prints numbered lines, each with the process that printed it; it says which is the last one. */
const program = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync('version.txt', 'utf8');
let count = 0;
const print = (word) => console.log([process.env.MAINSTAY_INSTANCE, ++count, word].join(' '));
setInterval(print, 20, 'line');
createServer((_, response) => response.end(version)).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => { print('last'); process.exit(0); });
`;

describe.skipIf(missing !== null)(`systemd on hosts${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let folder: string;
  let git: GitServer;
  let repository: Repository;
  let panel: Panel;
  let host: LabHost;
  let users_before: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-systemd-'));
    repository = createRepository(join(folder, 'app'));
    repository.commit({ 'server.mjs': program, 'version.txt': 'v0' });
    lab = await openLab({ hosts: 2, name: 'sd', packages: ['sudo'] });
    git = await serveGit(folder, { address: lab.network.gateway });
    panel = await openPanel(lab, { port: panel_port });
    host = lab.host('h1');
    users_before = await host.readFile('/etc/passwd');
    for (const one of lab.hosts()) await takeIntoHost(lab, one, laws, '/opt/laws.mjs');
  });
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const serviceOf = (change: object) => ({
    source: { git: `${git.url}/app` },
    build: 'id --user --name > built-by.txt; sleep 1',
    run: [host_node, 'server.mjs'],
    health: { interval_seconds: 0.2 },
    drain_timeout_seconds: 1,
    ...change,
  });
  const spec = () => ({
    poll_interval_seconds: 86_400,
    proxy: { port: proxy_port, bind: 'public' as const },
    services: {
      web: serviceOf({ route: { prefix: '/web' }, limits: { memory_mb: 200, processes: 50, cpu_percent: 150 } }),
      fixed: serviceOf({ route: { prefix: '/fixed' }, port: 9000 }),
    },
  });
  const ask = async (path: string) => {
    const response = await fetch(`http://${host.ip}:${proxy_port}${path}`, { signal: AbortSignal.timeout(10_000) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.text();
  };
  const served = () => Promise.all(['/web', '/fixed'].map((path) => ask(path).catch((error: Error) => error.message)));
  const serves = (version: string) => expect.poll(served, { timeout: 90_000 }).toEqual([version, version]);
  /** Commits a version and begins to deploy it. */
  const deploy = async (version: string) => {
    repository.commit({ 'version.txt': version });
    await panel.client['stacks.deploy']({ stack: 'app' });
  };
  const is = (state: string) =>
    expect
      .poll(async () => (await panel.client['servers.list']({})).servers.find(({ name }) => name === 'h1')?.state)
      .toBe(state);
  const converges = () =>
    expect
      .poll(async () => (await panel.client['servers.list']({})).servers.find(({ name }) => name === 'h1')?.converged)
      .toBe(true);
  const lines = async (argv: [string, ...string[]]) => (await host.run(argv)).split('\n').filter(Boolean);
  const unitsOf = async (pattern: string) =>
    (await lines(['systemctl', 'list-units', '--all', '--plain', '--no-legend', '--full', pattern])).map(
      (line) => line.split(/\s+/)[0]!,
    );
  const services = () => unitsOf('mainstay-*-ins_*.service');
  const property = async (unit: string, name: string) =>
    (await host.run(['systemctl', 'show', '-P', name, unit])).trim();
  const killAgent = () => host.run(['systemctl', 'kill', '--kill-whom=main', '--signal=SIGKILL', 'mainstay-agent']);
  /** Lines of each instance, as the panel has them. */
  const printed = async () => {
    const all = new Map<string, string[]>();
    for (let after = 0; ; ) {
      const page = await panel.client['logs.list']({ stack: 'app', stream: 'stdout', after, limit: 5_000 });
      for (const { text } of page.lines) {
        const instance = text.split(' ')[0]!;
        if (!all.get(instance)?.push(text)) all.set(instance, [text]);
      }
      after = page.next;
      if (!page.more_after) return all;
    }
  };
  /** One unit a service, and nothing else that a deploy may have left. */
  const leavesNoJunk = async () => {
    await expect
      .poll(async () => (await services()).map((unit) => unit.split('-')[1]).sort())
      .toEqual(['fixed', 'web']);
    expect(await unitsOf('mainstay-*-bld_*.service')).toEqual([]);
    // A unit for each of the two services, and the agent's copy of it.
    expect(await lines(['find', '/run/systemd/system', '/run/mainstay', '-type', 'f'])).toHaveLength(4);
  };

  test('the laws of supervisors and builders hold', async () => {
    const results = await runHostTests(lab.host('h2'), '/opt/laws.mjs');
    expect(results.filter(({ state }) => state !== 'passed')).toEqual([]);
    expect(results.length).toBeGreaterThan(30);
  });

  test('a server enrols as one that systemd supervises, and runs each service as a unit of its own user', async () => {
    const { result } = await panel.client['servers.invite']({ server: 'h1' });
    await host.run(['bash', '-c', result!.install!], { timeout_ms: 120_000 });
    const [server] = (await panel.client['servers.list']({})).servers;
    expect(server).toMatchObject({ name: 'h1', state: 'online', supervisor: 'systemd' });
    await panel.client['stacks.apply']({ stack: 'app', spec: spec() });
    await panel.client['servers.assign']({ server: 'h1', stack: 'app' });
    await serves('v0');
    await converges();
    await leavesNoJunk();
    const users = await Promise.all((await services()).map((unit) => property(unit, 'User')));
    expect(users.sort()).toEqual(['mainstay-fixed', 'mainstay-web']);
    const built_by = await host.run(['sh', '-c', 'sort -u /var/lib/mainstay-agent/builds/bld_*/built-by.txt']);
    expect(built_by.trim().split('\n')).toEqual(['mainstay_b-fixed', 'mainstay_b-web']);
    expect(await host.run(['find', '/var/lib/mainstay-agent/builds', '-mindepth', '2', '!', '-user', 'root'])).toBe('');
  });

  test('the unit of a service has its limits, and its exposure is low', async () => {
    for (const unit of await services()) {
      const said = await host.run(['systemd-analyze', 'security', '--no-pager', unit]);
      const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
      expect(exposure).toBeGreaterThan(0);
      expect(exposure).toBeLessThanOrEqual(exposure_max);
    }
    const web = (await services()).find((unit) => unit.startsWith('mainstay-web-'))!;
    expect(await property(web, 'MemoryMax')).toBe(String(200 * 1024 * 1024));
    expect(Number(await property(web, 'TasksMax'))).toBeLessThan(1_000);
    expect(Number.parseFloat(await property(web, 'CPUQuotaPerSecUSec'))).toBe(1.5);
  });

  test('a redeploy under load fails no request', async () => {
    let running = true;
    let answered = 0;
    const failed: string[] = [];
    const worker = async () => {
      while (running) {
        await ask('/web').then(
          () => answered++,
          (error: Error) => failed.push(error.message),
        );
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    };
    const workers = Array.from({ length: 4 }, worker);
    for (const version of ['v1', 'v2']) {
      await deploy(version);
      await serves(version);
    }
    await converges();
    running = false;
    await Promise.all(workers);
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(100);
    await leavesNoJunk();
  });

  test('a service whose process is killed is started again, and the crash is counted and told as it was', async () => {
    const restarts = async () => {
      const { services: all } = await panel.client['services.list']({ service: 'web' });
      return all[0]!.observed!.restarts;
    };
    const before = await restarts();
    const web = (await services()).find((unit) => unit.startsWith('mainstay-web-'))!;
    await host.run(['kill', '-9', await property(web, 'MainPID')]);
    await expect.poll(restarts).toBe(before + 1);
    await serves('v2');
    const { events } = await panel.client['events.list']({ kind: ['service.crashed'], limit: 1 });
    expect(events[0]).toMatchObject({ service: 'web', data: { reason: 'exit', exit_code: null, signal: 'SIGKILL' } });
    await leavesNoJunk();
  });

  test('no line of a service is lost or doubled over kills of the agent and a reboot', async () => {
    const recovered_at = async () =>
      (await panel.client['events.list']({ kind: ['agent.recovered'], limit: 1 })).events[0]?.at ?? 0;
    const adopted = await services();
    for (let kills = 0; kills < 3; kills++) {
      const killed_at = Date.now();
      const pid = await property('mainstay-agent', 'MainPID');
      await killAgent();
      await expect.poll(() => property('mainstay-agent', 'MainPID')).not.toMatch(new RegExp(`^(0|${pid})$`));
      await expect.poll(recovered_at).toBeGreaterThan(killed_at);
    }
    expect(await services()).toEqual(adopted);
    await host.reboot();
    await serves('v2');
    await leavesNoJunk();
    const idOf = (unit: string) => /ins_\w+/.exec(unit)![0];
    const [ended, begun] = [adopted.map(idOf), (await services()).map(idOf)];
    expect(begun).not.toEqual(ended);
    await expect.poll(async () => [...(await printed()).keys()]).toEqual(expect.arrayContaining([...ended, ...begun]));
    const all = await printed();
    for (const texts of all.values()) {
      expect(texts.map((text) => Number(text.split(' ')[1]))).toEqual(texts.map((_, index) => index + 1));
    }
    // Two versions before this one and one before the reboot of each of them; one process was killed.
    const whole = [...all].filter(([, texts]) => texts.at(-1)!.endsWith('last')).map(([instance]) => instance);
    expect(whole).toEqual(expect.arrayContaining(ended));
    expect(whole).toHaveLength(6);
  });

  test('after an agent is killed at any stage of a deploy, the old or the new version is served, and then the new one', async () => {
    for (const [round, wait_ms] of [200, 900, 1_400, 1_900, 2_600, 3_500].entries()) {
      const [old, version] = [await ask('/web'), `k${round}`];
      await deploy(version);
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
      await killAgent();
      for (const answer of await served()) expect([old, version]).toContain(answer);
      await serves(version);
      await converges();
      await leavesNoJunk();
    }
  });

  test('after a power cut in the middle of a deploy, the old or the new version comes up, and then the new one', async () => {
    for (const [round, wait_ms] of [1_000, 2_200].entries()) {
      const [old, version] = [await ask('/web'), `p${round}`];
      await deploy(version);
      await new Promise((resolve) => setTimeout(resolve, wait_ms));
      await host.powerOff();
      await host.boot();
      await expect.poll(served).toEqual([expect.stringMatching(`^(${old}|${version})$`), expect.any(String)]);
      await serves(version);
      await converges();
      await leavesNoJunk();
    }
  });

  test('a server that boots without its control plane serves what it served', async () => {
    const unit = '/etc/systemd/system/cut-off.service';
    const away = `${lab.network.gateway}/32`;
    const cut = `[Unit]\nBefore=mainstay-agent.service\nAfter=network.target\n[Service]\nType=oneshot\nExecStart=/usr/bin/ip route replace blackhole ${away}\n`;
    await host.writeFile(unit, `${cut}[Install]\nRequiredBy=mainstay-agent.service\n`);
    await host.run(['systemctl', 'enable', '--quiet', 'cut-off']);
    await host.reboot();
    const inside = async () => (await host.exec(['curl', '-fsS', `http://127.0.0.1:${proxy_port}/web`])).stdout;
    await expect.poll(inside).toBe('p1');
    await leavesNoJunk();
    const { events } = await panel.client['events.list']({ kind: ['agent.started'], limit: 1 });
    const started_at = Date.parse(await property('mainstay-agent', 'ExecMainStartTimestamp'));
    expect(events[0]!.at).toBeLessThan(started_at);
    await host.run(['systemctl', 'disable', '--quiet', 'cut-off']);
    await host.run(['rm', unit]);
    await host.run(['ip', 'route', 'del', 'blackhole', away]);
    await is('online');
    await leavesNoJunk();
  });

  test('uninstalling leaves no unit, no user and no folder', async () => {
    await host.run(['mainstay-agent', 'uninstall', '--yes'], { timeout_ms: 120_000 });
    expect(await unitsOf('mainstay*')).toEqual([]);
    expect(await host.readFile('/etc/passwd')).toBe(users_before);
    expect(await lines(['find', '/run', '/etc', '/var/lib', '-xdev', '-name', '*mainstay*'])).toEqual([]);
  });
});
