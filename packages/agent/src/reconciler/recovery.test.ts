import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DesiredService } from '@mainstay/contract/desired-state';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createLab,
  freePort,
  get,
  instancesOf,
  kill,
  type Lab,
  processesOf,
  serverProgram,
  settled,
  startLoad,
  until,
} from '../testing/lab.ts';

let lab: Lab;
const children: ChildProcess[] = [];
beforeEach(async () => {
  lab = await createLab();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await lab.close();
});

const program = fileURLToPath(new URL('../testing/crashing-agent.ts', import.meta.url));

/** An agent as a process of its own that ends itself at a moment of its journal. */
function spawnAgent(crash_at: number): { child: ChildProcess; ended: Promise<NodeJS.Signals | null> } {
  const { log: _, ...options } = lab.options();
  const child = spawn(process.execPath, [program, JSON.stringify(options), String(crash_at)], { stdio: 'inherit' });
  children.push(child);
  return { child, ended: new Promise((resolve) => child.once('exit', (_code, signal) => resolve(signal))) };
}

const route = { route: { prefix: '/' } };

test('an agent that is restarted adopts what runs, and drops no request', async () => {
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route);
  const first = lab.agent();
  await first.start();
  expect((await lab.deploy(first, lab.document(1, { web }))).state).toBe('succeeded');
  const pids = instancesOf(lab.home);
  const load = startLoad(lab.proxy_port);
  await first.stop({ services: false });
  const second = lab.agent();
  await second.start();
  const { services } = await second.observe();
  expect(services['web']).toMatchObject({ state: 'running', pid: pids[0], restarts: 0 });
  const { failed } = await load.stop();
  expect(failed).toEqual([]);
  expect(instancesOf(lab.home)).toEqual(pids);
});

test('after a reboot everything comes back without a control plane', async () => {
  const commitment = await lab.control.addSecret('hunter2');
  const port = await freePort();
  const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram('one') }), route, {
    secrets: { KEY: commitment },
  });
  const api = await lab.service('api', lab.commit('api', { 'server.mjs': serverProgram('two') }), {
    route: { prefix: '/api' },
    port,
  });
  const { child } = spawnAgent(0);
  await lab.control.offer(lab.document(1, { web, api }));
  await until(() => lab.control.state()?.receipt?.state === 'succeeded', 'the first deploy');
  await lab.control.goAway();
  child.kill('SIGKILL');
  for (const pid of processesOf(lab.home)) kill(pid);
  await until(() => processesOf(lab.home).length === 0, 'everything to be gone');

  const agent = lab.agent({ token: undefined });
  await agent.start();
  await until(async () => (await get(lab.proxy_port).catch(() => null))?.text === 'one', 'web to be back');
  await until(async () => (await get(lab.proxy_port, '/api').catch(() => null))?.text === 'two', 'api to be back');
  expect(JSON.parse((await get(lab.proxy_port, '/env')).text)['KEY']).toBe('hunter2');
  await until(async () => {
    const { services } = await agent.observe();
    return Object.values(services).every(({ state, restarts }) => state === 'running' && restarts === 0);
  }, 'all to run');
  expect(agent.isConnected()).toBe(false);
  expect(instancesOf(lab.home)).toHaveLength(2);
});

/** Deterministic numbers, so that a run that failed can be repeated (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const rounds = Number(process.env['MAINSTAY_CRASH_ROUNDS'] ?? 20);
const seed = Number(process.env['MAINSTAY_CRASH_SEED'] ?? 7);

test(
  `an agent killed at any point of a deploy ends in exactly the old or the new state (seed ${seed}, ${rounds} rounds)`,
  async () => {
    const random = randomFrom(seed);
    const fixed_port = await freePort();
    let version = 0;
    const deployable = async (text: string) => {
      const web = await lab.service('web', lab.commit('web', { 'server.mjs': serverProgram(`web ${text}`) }), {
        ...route,
        drain_timeout_seconds: 1,
      });
      const api = await lab.service('api', lab.commit('api', { 'server.mjs': serverProgram(`api ${text}`) }), {
        route: { prefix: '/api' },
        port: fixed_port,
        drain_timeout_seconds: 1,
      });
      return { web, api };
    };
    const served = async () => {
      const [web, api] = await Promise.all([get(lab.proxy_port), get(lab.proxy_port, '/api')]);
      return [web.text, api.text];
    };
    const texts = (services: Record<string, DesiredService>, text: string) =>
      Object.keys(services).map((name) => `${name} ${text}`);

    const first = spawnAgent(0);
    await lab.control.offer(lab.document(++version, await deployable('0')));
    await until(() => lab.control.state()?.receipt?.state === 'succeeded', 'the first deploy');
    first.child.kill('SIGTERM');
    await first.ended;
    let old_text = '0';
    let crashes = 0;

    for (let round = 1; round <= rounds; round++) {
      const crash_at = 1 + Math.floor(random() * 28);
      const text = String(round);
      const services = await deployable(text);
      // Every third version has a release that crashes, so that the old state is what must come out.
      const is_bad = round % 3 === 0;
      if (is_bad)
        services.web = await lab.service('web', lab.commit('web', { 'server.mjs': `process.exit(${round});` }), route);
      const where = `round ${round}, moment ${crash_at}`;
      const { child, ended } = spawnAgent(crash_at);
      await lab.control.offer(lab.document(++version, services));
      const settled_state = () => {
        const receipt = lab.control.state()?.receipt;
        return receipt?.version === version && receipt.state !== 'running' ? receipt.state : null;
      };
      let has_ended = false;
      void ended.then(() => {
        has_ended = true;
      });
      await until(() => has_ended || settled_state(), `${where}: the crash or the end of the deploy`);

      // As the crash left it, without an agent, requests get an answer of one of the two releases, or wait.
      child.kill('SIGKILL');
      await ended;
      if (settled_state() === null) crashes++;
      const next = lab.agent({ token: undefined });
      await next.start();
      const receipt = await settled(next, version).catch(async (error: Error) => {
        throw new Error(`${where}: ${error.message}: ${JSON.stringify((await next.observe()).receipt)}`);
      });
      expect(receipt.state, `${where}: ${receipt.message}`).toBe(is_bad ? 'failed' : 'succeeded');
      if (!is_bad) old_text = text;
      await until(
        async () => Object.values((await next.observe()).services).every(({ state }) => state === 'running'),
        `${where}: all to run`,
      );
      expect(await served(), where).toEqual(texts(services, old_text));
      await until(
        () => instancesOf(lab.home).length === 2,
        `${where}: two instances and no stray, not ${instancesOf(lab.home).length}`,
      );
      await next.stop({ services: false });
    }
    // The moments were moments of deploys.
    expect(crashes).toBeGreaterThan(rounds / 4);
    expect(readdirSync(join(lab.home, 'builds')).filter((name) => name.includes('.tmp'))).toEqual([]);
  },
  60_000 + rounds * 15_000,
);
