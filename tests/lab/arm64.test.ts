/** The agent's executable for arm64 on a host of that architecture, emulated where the machine is of another: from the line to removal. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRepository, type GitServer, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildAgent, executableIn, publishRelease } from './agent-releases.ts';
import { differences, filesOf } from './host-files.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { page_program } from './page-program.ts';
import { built_agent, openPanel, type Panel } from './panel.ts';

const asked = process.arch === 'arm64' || process.env['LAB_ARM64'] === '1';
const missing = asked ? whyNoLab('arm64') : 'set LAB_ARM64=1: its emulated programs, and its image, take minutes';
if (missing) console.warn(`skipped: the agent on arm64: ${missing}`);

const port = 31_060;
/** Emulated programs take many times as long. */
const patient = { timeout: 240_000, interval: 500 };

describe.skipIf(missing !== null)(`the agent on arm64${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let git: GitServer;
  let folder: string;
  let host: LabHost;

  beforeAll(async () => {
    folder = mkdtempSync(join(dirname(built_agent), 'arm64-'));
    buildAgent('0.1.0', join(folder, 'built'), 'arm64');
    const release = join(folder, 'release');
    const key = generateKeyPairSync('ed25519').privateKey;
    publishRelease(release, '0.1.0', executableIn(join(folder, 'built')), key, 'arm64');
    createRepository(join(folder, 'git', 'web')).commit({ 'server.py': page_program });
    lab = await openLab({ hosts: [{ kind: 'arm64', packages: ['python3'] }], name: 'arm64' });
    host = lab.host('h1');
    git = await serveGit(join(folder, 'git'), { address: lab.network.gateway });
    panel = await openPanel(lab, { port, agent_dir: release });
  }, 3_000_000);
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const answer = async () =>
    (await fetch(`http://${host.ip}/`, { signal: AbortSignal.timeout(10_000) }).catch(() => null))?.text() ?? null;

  const instances = async () =>
    (await host.exec(['pgrep', '-f', 'python3 server.py$'])).stdout.split('\n').filter(Boolean);

  test('it is installed by the line of its invitation, serves a stack, puts back what is killed, and leaves no trace', async () => {
    expect(await host.run(['uname', '-m'])).toBe('aarch64\n');
    const before = await filesOf(host);
    const web = { source: { git: `${git.url}/web` }, run: ['python3', 'server.py'], route: { prefix: '/' } };
    const spec = { proxy: { port: 80, bind: 'public' as const }, services: { web } };
    await panel.client['stacks.apply']({ stack: 'site', spec });
    const { result } = await panel.client['servers.invite']({ server: 'h1', stack: 'site' });
    await host.run(['bash', '-c', result!.install!], { timeout_ms: 240_000 });
    await expect.poll(answer, patient).toBe('up');
    const told = async () => (await panel.client['servers.get']({ server: 'h1' })).server;
    await expect.poll(told, patient).toMatchObject({ state: 'online', arch: 'arm64', converged: true });
    const [killed] = await instances();
    await host.run(['kill', '-9', killed!]);
    await expect.poll(async () => (await instances()).filter((pid) => pid !== killed), patient).toHaveLength(1);
    await expect.poll(answer, patient).toBe('up');
    await host.run(['mainstay-agent', 'uninstall', '--yes'], { timeout_ms: 240_000 });
    expect((await host.exec(['pgrep', '-f', 'mainstay-agent'])).stdout).toBe('');
    expect(differences(before, await filesOf(host))).toEqual([]);
  });
});
