/**
 * A new version on three servers, one after the other: a bad one that shows itself on the second server is taken back from the first,
 * never reaches the third, and a panel that is killed in the middle goes on where it was.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createRepository,
  type GitServer,
  type Repository,
  serveGit,
} from '@mainstay/agent/workspace/git-server.fixtures';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installNode } from './host-node.ts';
import { type Lab, openLab, whyNoLab } from './open-lab.ts';
import { openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: rollouts over hosts of the lab: ${missing}`);

const names = ['h1', 'h2', 'h3'];
const patient = { timeout: 60_000, interval: 200 };

/** Says its version; a version that begins with `bad` does not start where this file is. */
const program = `import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync('version.txt', 'utf8');
if (version.startsWith('bad') && existsSync('/opt/weak')) process.exit(3);
createServer((_, response) => response.end(version)).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

describe.skipIf(missing !== null)(`a rollout over servers${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let git: GitServer;
  let folder: string;
  let repository: Repository;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-rollout-'));
    mkdirSync(join(folder, 'web'));
    repository = createRepository(join(folder, 'web'));
    repository.commit({ 'server.mjs': program, 'version.txt': 'v1' });
    lab = await openLab({ hosts: 3, name: 'roll', packages: ['sudo', 'python3', 'git'] });
    git = await serveGit(folder, { address: lab.network.gateway });
    panel = await openPanel(lab, { port: 33_110 });
    await Promise.all(lab.hosts().map(installNode));
    await lab.host('h2').writeFile('/opt/weak', '');
    await panel.client['stacks.apply']({
      stack: 'shop',
      spec: {
        poll_interval_seconds: 86_400,
        proxy: { port: 8080, bind: 'public' },
        services: {
          web: {
            source: { git: `${git.url}/web` },
            run: ['node', 'server.mjs'],
            route: { prefix: '/' },
            health: { interval_seconds: 0.5, start_timeout_seconds: 20 },
            drain_timeout_seconds: 1,
          },
        },
      },
    });
    await Promise.all(
      names.map(async (name) => {
        const { result } = await panel.client['servers.invite']({ server: name, stack: 'shop' });
        await lab.host(name).run(['bash', '-c', result!.install!], { timeout_ms: 120_000 });
      }),
    );
  }, 300_000);
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const served = () =>
    Promise.all(
      names.map(async (name) => {
        const address = `http://127.0.0.1:8080/`;
        return (await lab.host(name).exec(['curl', '-fsS', '--max-time', '5', address])).stdout;
      }),
    );
  const deploy = async (version: string) => {
    repository.commit({ 'version.txt': version });
    return (await panel.client['stacks.deploy']({ stack: 'shop' })).operation.id!;
  };
  const ended = async (id: string) => {
    await expect
      .poll(async () => (await panel.client['operations.get']({ id, wait_seconds: 5 })).operation.finished_at, patient)
      .not.toBeNull();
    return (await panel.client['operations.get']({ id })).operation;
  };

  test('a version that is bad on the second server is taken back from the first, and the third never had it', async () => {
    await expect.poll(served, patient).toEqual(['v1', 'v1', 'v1']);
    const operation = await ended(await deploy('bad-v2'));
    expect(operation).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(
        /Stopped in wave 2\.\nh2: .*\nAll servers have what version 1 was again, as version 3/s,
      ),
    });
    await expect.poll(served, patient).toEqual(['v1', 'v1', 'v1']);
    const { events } = await panel.client['events.list']({ server: 'h3', kind: ['deployment.started'], limit: 10 });
    expect(events.map(({ message }) => message).join('\n')).not.toContain('version 2');
  }, 120_000);

  test('a panel that is killed between two waves goes on where it was', async () => {
    const id = await deploy('v3');
    await expect.poll(async () => (await served())[0], patient).toBe('v3');
    killPanel(panel.home);
    await panel.stop();
    await panel.start();
    expect(await ended(id)).toMatchObject({ state: 'succeeded', message: null });
    expect(await served()).toEqual(['v3', 'v3', 'v3']);
  }, 120_000);

  test('a server that is drained serves nothing and is left out; undrained, it has the newest', async () => {
    await panel.cli('servers', 'drain', 'h2', '--yes');
    await expect.poll(async () => (await served())[1], patient).toBe('');
    expect(await ended(await deploy('v4'))).toMatchObject({ state: 'succeeded' });
    expect(await served()).toEqual(['v4', '', 'v4']);
    await panel.cli('servers', 'undrain', 'h2', '--yes');
    await expect.poll(served, patient).toEqual(['v4', 'v4', 'v4']);
  }, 120_000);
});

/** SIGKILL for the program of the panel that has this home, and for nothing else. */
function killPanel(home: string): void {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger);
  const ours = pids.filter((pid) => commandLine(pid).includes('control-plane-main') && commandLine(pid).includes(home));
  expect(ours).toHaveLength(1);
  for (const pid of ours) process.kill(pid, 'SIGKILL');
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
