/**
 * What somebody does who has three servers: enrol them by the line of their invitations, deploy the example stack on all of them, and go
 * on while processes are killed, servers lose power, and the wire is cut.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRepository,
  type GitServer,
  type Repository,
  serveGit,
} from '@mainstay/agent/workspace/git-server.fixtures';
import { cutNetwork, healNetwork } from '@mainstay/runtime/local-hosts/index';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installNode } from './host-node.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: a journey over hosts of the lab: ${missing}`);

const examples = join(import.meta.dirname, '..', '..', 'examples');
const port = 31_110;
const names = ['h1', 'h2', 'h3'];

describe.skipIf(missing !== null)(`three servers${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let git: GitServer;
  let folder: string;
  let web: Repository;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-journey-'));
    const [repositories] = ['web', 'api', 'clock'].map((name) => {
      mkdirSync(join(folder, name));
      cpSync(join(examples, name), join(folder, name), { recursive: true });
      const repository = createRepository(join(folder, name));
      repository.commit({});
      return repository;
    });
    web = repositories!;
    lab = await openLab({ hosts: 3, name: 'trip', packages: ['sudo', 'haproxy', 'python3', 'git'] });
    git = await serveGit(folder, { address: lab.network.gateway });
    panel = await openPanel(lab, { port });
    await Promise.all(lab.hosts().map(installNode));
  });
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const host = (name: string): LabHost => lab.host(name);
  /** What a server's public port answers, asked from another server; empty when it does not. */
  const ask = async (of: string, path: string) => {
    const from = host(names.find((name) => name !== of)!);
    return (await from.exec(['curl', '-fsS', '--max-time', '5', `http://${host(of).ip}${path}`])).stdout;
  };
  /** The same asked on the server itself, which works without a network. */
  const askInside = async (of: string, path: string) =>
    (await host(of).exec(['curl', '-fsS', '--max-time', '5', `http://127.0.0.1${path}`])).stdout;
  const serves = async (of: string) => {
    await expect.poll(() => ask(of, '/greeting')).toContain('Hello from the API');
    await expect.poll(() => ask(of, '/clock/')).not.toBe('');
  };
  const server = async (name: string) => (await panel.client['servers.list']({})).servers.find((s) => s.name === name);
  const is = (name: string, state: string) => expect.poll(async () => (await server(name))?.state).toBe(state);
  const converges = (name: string) => expect.poll(async () => (await server(name))?.converged).toBe(true);
  const apply = () => panel.cli('apply', '--file', join(folder, 'mainstay.yaml'), '--yes');
  /** A new version of the page, which says so. */
  const commitPage = (words: string) =>
    web.commit({ 'public/page.js': `${readFileSync(join(examples, 'web/public/page.js'), 'utf8')}// ${words}\n` });

  test('they are enrolled by the line of their invitations', async () => {
    await Promise.all(
      names.map(async (name) => {
        const { result } = await panel.client['servers.invite']({ server: name });
        await host(name).run(['bash', '-c', `${result!.install!} --with-haproxy`], { timeout_ms: 120_000 });
        expect((await server(name))?.state).toBe('online');
      }),
    );
  });

  test('the example stack is deployed on all of them, and answers at the public port of each', async () => {
    const stack = readFileSync(join(examples, 'mainstay.yaml'), 'utf8').replaceAll('{{repositories}}', git.url);
    writeFileSync(join(folder, 'mainstay.yaml'), `${stack}\nproxy: { port: 80, bind: public }\n`);
    await apply();
    for (const name of names) await panel.cli('servers', 'assign', name, 'example', '--yes');
    for (const name of names) await serves(name);
    for (const name of names) await converges(name);
  });

  test('a killed service is there again, and its server says so', async () => {
    await host('h1').run(['pkill', '-9', '-f', 'dist/server.js']);
    await serves('h1');
    const { events } = await panel.client['events.list']({ server: 'h1', limit: 50 });
    expect(events.map(({ kind }) => kind)).toContain('service.crashed');
  });

  test('while the agent is killed, every request is answered', async () => {
    const script = 'for i in $(seq 200); do curl -fsS --max-time 5 "$0" >/dev/null || echo failed; done';
    const asking = host('h2').run(['sh', '-c', script, `http://${host('h1').ip}/greeting`], { timeout_ms: 120_000 });
    const pid = (await host('h1').run(['systemctl', 'show', '-P', 'MainPID', 'mainstay-agent'])).trim();
    await host('h1').run(['kill', '-9', pid]);
    expect(await asking).toBe('');
    await converges('h1');
  });

  test('after a reboot, and after a power cut, a server serves again', async () => {
    await host('h2').reboot();
    await serves('h2');
    await host('h2').powerOff();
    await host('h2').boot();
    await serves('h2');
    await is('h2', 'online');
  });

  test('a server that is cut off goes on alone, and tells of it afterwards', async () => {
    await cutNetwork(host('h3'));
    await is('h3', 'offline');
    await host('h3').run(['pkill', '-9', '-f', 'dist/server.js']);
    await expect.poll(() => askInside('h3', '/greeting')).toContain('Hello from the API');
    const since = Date.now();
    await healNetwork(host('h3'));
    await is('h3', 'online');
    await expect
      .poll(async () => {
        const { events } = await panel.client['events.list']({ server: 'h3', limit: 100 });
        return events.some(({ kind, at }) => kind === 'service.crashed' && at < since);
      })
      .toBe(true);
  });

  test('a server that loses power in the middle of a deploy has the new version once it is back', async () => {
    const commit = commitPage('the second');
    const deploying = apply();
    await host('h1').powerOff();
    await host('h1').boot();
    await deploying.catch(() => '');
    await apply();
    for (const name of names) await expect.poll(() => ask(name, '/page.js')).toContain('// the second');
    for (const name of names) await converges(name);
    expect(commit).toMatch(/^[0-9a-f]{40}$/);
  });
});
