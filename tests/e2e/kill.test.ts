/**
 * Kill -9 of the agent, the proxy and the control plane at any moment of a deploy: what is served afterwards is exactly the
 * old version or the new one, of all services together, and nothing is left behind.
 *
 * KILL_ROUNDS (6) and KILL_SEED (1) make more or other rounds of it.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import { terminalOperationStates } from '@mainstay/contract/operation';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createInstallation, freePort, type Installation, type Up } from './installation.ts';

const rounds = Number(process.env['KILL_ROUNDS'] ?? 6);
const seed = Number(process.env['KILL_SEED'] ?? 1);
const victims = ['mainstay-agent.js', 'mainstay-proxy.js', 'mainstay-control-plane.js'] as const;
const settled_within_ms = 90_000;

const server = `
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
const version = readFileSync('version.txt', 'utf8');
if (version.startsWith('broken')) process.exit(3);
createServer((_, response) => response.end(version)).listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
`;

let at: Installation;
let up: Up;
let client: Client;
let repository: string;

beforeAll(async () => {
  at = await createInstallation();
  up = at.up('--no-examples');
  await up.says('Ctrl-C stops', 60_000);
  client = createClient({ url: at.url, token: readFileSync(join(at.home, 'cli-token'), 'utf8').trim() });
  repository = join(at.home, 'kill-repository');
  mkdirSync(repository);
  execFileSync('git', ['init', '--quiet', '-b', 'main', repository]);
  writeFileSync(join(repository, 'server.mjs'), server);
  commit('v0');
  const service = (change: object) => ({
    source: { git: repository },
    run: [process.execPath, 'server.mjs', 'kill-test-service'],
    health: { interval_seconds: 0.2 },
    drain_timeout_seconds: 1,
    ...change,
  });
  const spec = {
    poll_interval_seconds: 86_400,
    proxy: { port: at.proxy_port },
    names: { port: await freePort() },
    services: {
      any: service({ route: { prefix: '/any' } }),
      fixed: service({ route: { prefix: '/fixed' }, port: await freePort() }),
    },
  };
  await client['stacks.apply']({ stack: 'kill', spec });
  await client['servers.assign']({ server: 'local', stack: 'kill' });
  await until(async () => (await served()).every((version) => version === 'v0'), 'the first version');
}, 120_000);

afterAll(async () => {
  up.child.kill('SIGINT');
  await up.ended;
  await at.remove();
}, 60_000);

/** Gives the id of the commit. */
function commit(version: string): string {
  writeFileSync(join(repository, 'version.txt'), version);
  const git = ['-C', repository, '-c', 'user.name=test', '-c', 'user.email=test@example.com'];
  execFileSync('git', [...git, 'add', '-A']);
  execFileSync('git', [...git, 'commit', '--quiet', '-m', version]);
  return execFileSync('git', [...git, 'rev-parse', 'HEAD'], { encoding: 'utf8' }).trim();
}

async function served(): Promise<string[]> {
  const answers = ['any', 'fixed'].map(async (path) => {
    const response = await fetch(`${at.proxy_url}/${path}`, { signal: AbortSignal.timeout(5_000) });
    return response.ok ? response.text() : `status ${response.status}`;
  });
  return Promise.all(answers);
}

const instances = () => at.processes().filter(({ command }) => command.includes('kill-test-service')).length;

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + settled_within_ms;
  let last: unknown = null;
  while (Date.now() < end) {
    try {
      if (await holds()) return;
      last = null;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const state = JSON.stringify([
    await served().catch(String),
    instances(),
    await client['operations.list']({ limit: 1 }).catch(String),
  ]);
  throw new Error(`not within ${settled_within_ms / 1000} s: ${what}: ${state}`, { cause: last });
}

/** Mulberry32: small, and the same for the same seed. */
function randomOf(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

it(`any of the three programs killed at any moment of a deploy leaves exactly the old or the new version (seed ${seed}, ${rounds} rounds)`, {
  timeout: rounds * 120_000,
}, async () => {
  const random = randomOf(seed);
  for (let round = 1; round <= rounds; round++) {
    const old = (await served())[0]!;
    const broken = random() < 0.25;
    const next = `${broken ? 'broken' : 'v'}${round}`;
    const victim = victims[round % victims.length]!;
    const delay_ms = Math.floor(random() * 700);
    const sha = commit(next);
    const call = client['stacks.deploy']({ stack: 'kill' }).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, delay_ms));
    const target = at.processes().find(({ command }) => command.includes(victim));
    if (target) process.kill(target.pid, 'SIGKILL');
    await call;
    const label = `round ${round}: ${victim} killed ${delay_ms} ms into the deploy of ${next}`;
    await until(async () => {
      const { operations } = await client['operations.list']({ stack: 'kill', limit: 5 });
      return operations.every((operation) => terminalOperationStates.includes(operation.state));
    }, `${label}: every operation at its end`);
    await until(
      async () => new Set(await served()).size === 1 && instances() === 2,
      `${label}: one version served by two processes`,
    );
    const [version] = await served();
    expect(broken ? [old] : [old, next], label).toContain(version);
    // What the operation says is what is served.
    const { operations } = await client['operations.list']({ stack: 'kill', limit: 5 });
    const made = operations.find(({ plan }) => plan.changes.some((change) => change.to === sha));
    expect(version, label).toBe(made?.state === 'succeeded' ? next : old);
  }
});
