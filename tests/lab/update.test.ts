/**
 * The agent exchanges itself on a real server: for a release that holds, which stays, and for releases that do not run, which go back by
 * themselves. A service is asked without a pause all the while.
 */
import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { dirname, join } from 'node:path';
import { createRepository, type GitServer, serveGit } from '@mainstay/agent/workspace/git-server.fixtures';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildAgent, executableIn, publishRelease } from './agent-releases.ts';
import { differences, filesOf } from './host-files.ts';
import { type Lab, type LabHost, openLab, whyNoLab } from './open-lab.ts';
import { page_program } from './page-program.ts';
import { built_agent, openPanel, type Panel } from './panel.ts';

const missing = whyNoLab();
if (missing) console.warn(`skipped: updates of the agent on hosts of the lab: ${missing}`);

const port = 31_030;

/** A release that says which version it is, and does something else than an agent. */
const broken = (version: string, does: string) => `#!/bin/sh\n[ "$1" = version ] && exec echo ${version}\n${does}\n`;

describe.skipIf(missing !== null)(`updating the agent${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let lab: Lab;
  let panel: Panel;
  let git: GitServer;
  let folder: string;
  let host: LabHost;
  let before: string[];
  const key = generateKeyPairSync('ed25519').privateKey;
  const handed_out = () => join(folder, 'release');

  const publish = (version: string, executable: string) => publishRelease(handed_out(), version, executable, key);
  const written = (version: string, does: string) => {
    const path = join(folder, `broken-${version}`);
    writeFileSync(path, broken(version, does));
    return path;
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(dirname(built_agent), 'update-'));
    const newer = join(folder, 'newer');
    buildAgent('0.2.0', newer);
    createRepository(join(folder, 'git', 'web')).commit({ 'server.py': page_program });
    lab = await openLab({ hosts: 1, name: 'pkgu', packages: ['sudo', 'haproxy', 'python3', 'git'] });
    host = lab.host('h1');
    before = await filesOf(host);
    git = await serveGit(join(folder, 'git'), { address: lab.network.gateway });
    publish('0.1.0', executableIn(built_agent));
    panel = await openPanel(lab, { port, agent_dir: handed_out() });
    const spec = {
      proxy: { port: 80, bind: 'public' as const },
      services: {
        web: { source: { git: `${git.url}/web` }, run: ['python3', 'server.py'], route: { prefix: '/' } },
      },
    };
    await panel.client['stacks.apply']({ stack: 'site', spec });
    const { result } = await panel.client['servers.invite']({ server: 'h1', stack: 'site' });
    await host.run(['bash', '-c', result!.install!]);
  });
  afterAll(async () => {
    await panel?.close();
    await git?.close();
    await lab?.down();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = () =>
    new Promise<string>((resolve) => {
      const request = get({ host: host.ip, port: 80, path: '/', agent: false, timeout: 5_000 }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.once('end', () => resolve(text));
      });
      request.once('timeout', () => request.destroy(new Error('no answer within 5 s')));
      request.once('error', (error) => resolve(error.message));
    });
  /** Asks the service without a pause while something is done; every answer has to be its own. */
  const unbroken = async <Result>(work: () => Promise<Result>): Promise<Result> => {
    let goes_on = true;
    let answers = 0;
    const wrong: string[] = [];
    const asking = (async () => {
      while (goes_on) {
        const answer = await ask();
        answers++;
        if (answer !== 'up') wrong.push(answer);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    try {
      return await work();
    } finally {
      goes_on = false;
      await asking;
      console.log(`${answers} requests meanwhile, ${wrong.length} failed`);
      expect(wrong).toEqual([]);
      expect(answers).toBeGreaterThan(10);
    }
  };
  const update = async () => {
    const { operation } = await panel.client['servers.update_agent']({ server: 'h1' });
    return operation.id!;
  };
  const ended = async (id: string) => {
    await expect
      .poll(async () => (await panel.client['operations.get']({ id })).operation.finished_at, { timeout: 200_000 })
      .not.toBeNull();
    return (await panel.client['operations.get']({ id })).operation;
  };
  const version = async () => (await host.run(['/usr/local/bin/mainstay-agent', 'version'])).trim();
  const reported = async () => (await panel.client['servers.get']({ server: 'h1' })).reported?.agent_version;
  const kinds = async () =>
    (await panel.client['events.list']({ server: 'h1', limit: 100 })).events.map(({ kind }) => kind);

  test('a newer release takes the place of the agent, which confirms it, and no request fails', async () => {
    await expect.poll(ask).toBe('up');
    publish('0.2.0', executableIn(join(folder, 'newer')));
    const began = performance.now();
    const operation = await unbroken(async () => ended(await update()));
    console.log(`from asking to confirmed: ${((performance.now() - began) / 1000).toFixed(1)} s`);
    expect(operation).toMatchObject({ state: 'succeeded' });
    expect(await version()).toBe('0.2.0');
    await expect.poll(reported).toBe('0.2.0');
    await expect.poll(kinds).toContain('agent.updated');
    expect(await host.run(['find', '/etc/systemd/system', '-name', 'mainstay-agent-trial*'])).toBe('');
  });

  test('a release that ends at once is put back by itself, its change fails with the reason, and no request fails', async () => {
    publish('0.3.0', written('0.3.0', 'exit 1'));
    const operation = await unbroken(async () => ended(await update()));
    expect(operation.state).toBe('failed');
    const [target] = operation.targets;
    expect(target?.message).toMatch(
      /^Agent 0\.3\.0 was put back to 0\.2\.0: it did not reach the control plane within 60 s/,
    );
    console.log(target?.message);
    expect(await version()).toBe('0.2.0');
    await expect.poll(reported).toBe('0.2.0');
    await expect.poll(kinds).toContain('agent.update_failed');
    await expect.poll(() => host.run(['find', '/etc/systemd/system', '-name', 'mainstay-agent-trial*'])).toBe('');
  });

  test('a release that hangs is put back also when the power fails in the middle', async () => {
    publish('0.4.0', written('0.4.0', 'exec sleep 100000'));
    const id = await update();
    await expect.poll(() => host.exec(['pgrep', '-f', 'sleep 100000']).then(({ code }) => code)).toBe(0);
    await host.powerOff();
    await host.boot();
    expect((await ended(id)).state).toBe('failed');
    expect(await version()).toBe('0.2.0');
    await expect.poll(ask).toBe('up');
  });

  test('a release of another signer is refused by the agent, though everything else was approved', async () => {
    const other = generateKeyPairSync('ed25519').privateKey;
    publish('0.5.0', written('0.5.0', 'exit 1'));
    const path = join(handed_out(), 'release.json');
    const release_key = createPublicKey(other).export({ format: 'jwk' }).x;
    const text = JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), release_key });
    writeFileSync(path, text);
    writeFileSync(`${path}.sig`, sign(null, Buffer.from(text), other).toString('base64'));
    const operation = await unbroken(async () => ended(await update()));
    expect(operation.state).toBe('failed');
    expect(operation.targets[0]?.message).toContain('another key than the one that this server trusts');
    expect(await version()).toBe('0.2.0');
  });

  test('what updates left goes with the agent', async () => {
    await host.run(['mainstay-agent', 'uninstall', '--yes']);
    expect(differences(before, await filesOf(host))).toEqual([]);
  });
});
