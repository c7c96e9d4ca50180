/**
 * Three servers of one panel: a stack that chooses them by their labels, agents that are updated in waves and stop where one fails, and a server that is
 * removed, is told so, and comes back as another one with its service running all the while.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { dirname, join } from 'node:path';
import { createRepository, type GitServer, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import type { OperationView } from '@mainstay/contract/operation';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildAgent, executableIn, publishRelease } from './agent-releases.ts';
import { type Lab, openLab, whyNoLab } from './open-lab.ts';
import { page_program } from './page-program.ts';
import { built_agent, openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: a fleet on hosts of the lab: ${missing}`);

const port = 31_060;
const names = ['h1', 'h2', 'h3'] as const;
const patient = { timeout: 60_000 };

/**
 * Stands between the servers and the panel. `refuse`: from the moment that this server has fetched a release it reaches nothing, until it has said that it is
 * that version, and then that it is another one: as if the release could not connect there.
 */
async function openFront(address: string, port: number, onward: number) {
  let refused: { ip: string; version: string; is_fetched: boolean; is_tried: boolean } | null = null;
  const passes = (ip: string, path: string, body: string): boolean => {
    if (refused?.ip !== ip || !refused.is_fetched) return true;
    if (!path.endsWith('/heartbeat')) return false;
    const { agent_version } = (JSON.parse(body) as { state: { agent_version: string } }).state;
    if (agent_version === refused.version) refused.is_tried = true;
    else if (refused.is_tried) refused = null;
    else return true;
    return refused === null;
  };
  const front = createServer(async (from, to) => {
    const chunks: Buffer[] = [];
    for await (const chunk of from) chunks.push(chunk as Buffer);
    const { method, url: path = '', headers, socket } = from;
    const ip = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    if (!passes(ip, path, Buffer.concat(chunks).toString())) return void to.writeHead(503).end();
    const asked = request({ host: address, port: onward, method, path, headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
      if (/-linux-[a-z0-9]+$/.test(path))
        answer.once('end', () => {
          if (refused?.ip === ip) refused.is_fetched = true;
        });
    });
    asked.once('error', () => to.destroy());
    to.once('close', () => asked.destroy());
    asked.end(Buffer.concat(chunks));
  });
  await new Promise<void>((resolve) => front.listen(port, address, resolve));
  return {
    refuse(ip: string, version: string) {
      refused = { ip, version, is_fetched: false, is_tried: false };
    },
    close() {
      front.close();
      front.closeAllConnections();
    },
  };
}

describe.skipIf(missing !== null)(`a fleet${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let front: Awaited<ReturnType<typeof openFront>>;
  let git: GitServer;
  let folder: string;
  const key = generateKeyPairSync('ed25519').privateKey;

  const install = async (server: string, labels: Record<string, string>) => {
    const { result } = await panel.client['servers.invite']({ server, labels });
    await lab.host(server.slice(0, 2)).run(['bash', '-c', result!.install!], { timeout_ms: 120_000 });
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(dirname(built_agent), 'fleet-'));
    buildAgent('0.2.0', join(folder, 'newer'));
    createRepository(join(folder, 'git', 'web')).commit({ 'server.py': page_program });
    lab = await openLab({ hosts: 3, name: 'fleet', packages: ['sudo', 'python3', 'git'] });
    git = await serveGit(join(folder, 'git'), { address: lab.network.gateway });
    publishRelease(join(folder, 'release'), '0.1.0', executableIn(built_agent), key);
    const { gateway } = lab.network;
    front = await openFront(gateway, port + 1, port);
    const public_url = `http://${gateway}:${port + 1}`;
    panel = await openPanel(lab, { port, agent_dir: join(folder, 'release'), public_url });
    await Promise.all(names.map((name) => install(name, { role: 'web', region: name === 'h3' ? 'us' : 'eu' })));
  }, 300_000);
  afterAll(async () => {
    front?.close();
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = async (name: string) =>
    (await lab.host(name).exec(['curl', '-fsS', '--max-time', '5', 'http://127.0.0.1:8080/'])).stdout;
  const served = () => Promise.all(names.map(ask));
  const ended = async ({ operation }: { operation: OperationView }) => {
    const id = operation.id!;
    const get = async () => (await panel.client['operations.get']({ id, wait_seconds: 5 })).operation;
    await expect.poll(async () => (await get()).finished_at, { timeout: 240_000 }).not.toBeNull();
    return get();
  };
  const servers = async () => (await panel.client['servers.list']({})).servers;
  const versions = async () => Object.fromEntries((await servers()).map((one) => [one.name, one.agent_version]));
  /** Asks these servers without a pause while something is done; every answer has to be the service's own. */
  const unbroken = async <Result>(which: readonly string[], work: () => Promise<Result>): Promise<Result> => {
    let goes_on = true;
    let answers = 0;
    const wrong: string[] = [];
    const asking = which.map(async (name) => {
      while (goes_on) {
        const answer = await ask(name);
        answers++;
        if (answer !== 'up') wrong.push(`${name}: ${answer}`);
      }
    });
    try {
      return await work();
    } finally {
      goes_on = false;
      await Promise.all(asking);
      console.log(`${answers} requests meanwhile, ${wrong.length} failed`);
      expect(wrong).toEqual([]);
      expect(answers).toBeGreaterThan(10);
    }
  };

  test('a stack comes to the servers that have its labels, and goes with them at the next deployment', async () => {
    const spec = {
      targets: { labels: { role: 'web', region: 'eu' } },
      rollout: { batch: 1 },
      services: {
        web: { source: { git: `${git.url}/web` }, run: ['python3', 'server.py'], route: { prefix: '/' } },
      },
    };
    expect(await ended(await panel.client['stacks.apply']({ stack: 'site', spec }))).toMatchObject({
      state: 'succeeded',
    });
    expect(await served()).toEqual(['up', 'up', '']);
    await panel.cli('servers', 'label', 'h3', 'region=eu', '--yes');
    await panel.cli('servers', 'label', 'h2', 'region=us', '--yes');
    expect(await served(), 'labels alone move nothing').toEqual(['up', 'up', '']);
    const done = await unbroken(['h1'], async () => ended(await panel.client['stacks.deploy']({ stack: 'site' })));
    expect(done).toMatchObject({ state: 'succeeded' });
    expect(done.plan.changes.map(({ action, path }) => `${action} ${path}`)).toEqual([
      'create targets.servers.h3',
      'delete targets.servers.h2',
    ]);
    expect(await served()).toEqual(['up', '', 'up']);
    await expect.poll(async () => (await servers()).map(({ stack }) => stack), patient).toEqual(['site', null, 'site']);
    const kept = await lab.host('h2').run(['find', '/var/lib/mainstay-agent', '-path', '*data/web*']);
    expect(kept, 'its data stays').toContain('data/web');
  });

  test('an update of all agents stops in the wave whose agent does not come back, and the others keep what they have', async () => {
    publishRelease(join(folder, 'release'), '0.2.0', executableIn(join(folder, 'newer')), key);
    front.refuse(lab.host('h2').ip, '0.2.0');
    const began = performance.now();
    const update = () => panel.client['servers.update_agents']({ labels: { role: 'web' }, batch: 1 });
    const stopped = await unbroken(['h1', 'h3'], async () => ended(await update()));
    console.log(`until it stopped: ${((performance.now() - began) / 1000).toFixed(1)} s\n${stopped.message}`);
    expect(stopped.state).toBe('failed');
    expect(stopped.message).toMatch(/^Stopped in wave 2\.\nh2: Agent 0\.2\.0 was put back to 0\.1\.0: /);
    expect(stopped.message).toContain('Updated, and stays so: h1.');
    expect(stopped.message).toContain('Not begun, with the agent that it had: h3.');
    await expect.poll(versions, patient).toEqual({ h1: '0.2.0', h2: '0.1.0', h3: '0.1.0' });

    const done = await unbroken(['h1', 'h3'], async () => ended(await update()));
    expect(done).toMatchObject({ state: 'succeeded' });
    expect(done.plan.changes.map(({ path }) => path)).toEqual(['servers.h2.agent.version', 'servers.h3.agent.version']);
    expect(await versions()).toEqual({ h1: '0.2.0', h2: '0.2.0', h3: '0.2.0' });
  });

  test('a server that is removed is told so, calls no more, and is enrolled anew by a new line; its service runs on', async () => {
    await panel.cli('servers', 'remove', 'h3', '--leave-running', '--yes');
    const host = lab.host('h3');
    const status = () => host.exec(['mainstay-agent', 'status']);
    await expect.poll(async () => (await status()).stdout, patient).toContain('was removed from its control plane on');
    const { stdout, code } = await status();
    expect(code).toBe(1);
    expect(stdout).toContain('mainstay-agent uninstall');
    expect(stdout).toContain('new invitation');
    console.log(stdout);
    await host.run(['systemctl', 'restart', 'mainstay-agent']);
    await expect.poll(async () => (await status()).stdout, patient).toContain('web running');
    const connections = await host.run(['ss', '-Htn', 'state', 'established', 'dport', '=', `:${port + 1}`]);
    expect(connections, 'nothing is dialled').toBe('');
    await unbroken(['h3'], () => install('h3', { role: 'web', region: 'eu' }));
    expect((await status()).code).toBe(0);
    const done = await unbroken(['h3'], async () => ended(await panel.client['stacks.deploy']({ stack: 'site' })));
    expect(done).toMatchObject({ state: 'succeeded' });
    expect(await served()).toEqual(['up', '', 'up']);
  });
});
