import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent, type SimulatedOutcome } from '@mainstay/agent/sim/simulated-agent';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { default_policy_file } from '@mainstay/keeper/policy/default-policies';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

const patient = { timeout: 60_000, interval: 50 };

let at: Fixture;
let repository: ReturnType<Fixture['repository']>;
let agents: Map<string, SimulatedAgent>;
/** What becomes of a desired state on a server; by what a test says, else it succeeds at once. */
let outcomes: Map<string, (document: DesiredState) => SimulatedOutcome | Promise<SimulatedOutcome>>;

const port = 33_000 + (process.pid % 900);

beforeEach(async () => {
  agents = new Map();
  outcomes = new Map();
  at = await startFixture({ port });
  repository = at.repository('api');
});
afterEach(async () => {
  await Promise.all([...agents.values()].map((agent) => agent.stop()));
  await at.stop();
});

const spec = (rollout: object = {}, more: object = {}) => ({
  poll_interval_seconds: 86_400,
  rollout,
  services: { api: { source: { git: repository.url }, run: 'node server.js' } },
  ...more,
});

async function enrol(name: string) {
  const invited = await at.client['servers.invite']({ server: name, stack: 'shop' });
  const agent = createSimulatedAgent({
    url: at.plane.url,
    token: invited.result!.token!,
    heartbeat_interval_ms: 200,
    outcome: (document) => outcomes.get(name)?.(document) ?? { state: 'succeeded' },
  });
  agents.set(name, agent);
  await agent.start();
}

/** A stack that runs on so many servers, s00, s01 …, each of which has version 1. */
async function fleet(count: number, rollout: object = {}, more: object = {}): Promise<string[]> {
  await at.client['stacks.apply']({ stack: 'shop', spec: spec(rollout, more) });
  const all = Array.from({ length: count }, (_, index) => `s${String(index).padStart(2, '0')}`);
  for (const name of all) await enrol(name);
  await vi.waitFor(async () => {
    const { servers } = await at.client['servers.list']({});
    expect(servers.filter(({ converged, state }) => converged && state === 'online')).toHaveLength(count);
  }, patient);
  return all;
}

async function deploy(text: string): Promise<string> {
  repository.commit(text);
  const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
  return operation.id!;
}

const versionsOf = (name: string) => agents.get(name)!.versions;
const having = (version: number) => [...agents.keys()].filter((name) => versionsOf(name).at(-1) === version);

async function ended(id: string) {
  let operation = (await at.client['operations.get']({ id })).operation;
  await vi.waitFor(async () => {
    operation = (await at.client['operations.get']({ id, wait_seconds: 5 })).operation;
    expect(operation.finished_at).not.toBeNull();
  }, patient);
  return operation;
}

/** Ends what is held with `held`; until then it runs. */
function held(version = 2) {
  const { promise, resolve } = Promise.withResolvers<SimulatedOutcome>();
  return { outcome: (document: DesiredState) => (document.version === version ? promise : done), release: resolve };
}
const done: SimulatedOutcome = { state: 'succeeded' };
const failsFrom = (version: number, message: string) => (document: DesiredState) =>
  document.version === version ? { state: 'failed' as const, message } : done;

/** A policy beside the built-in ones, in force when this resolves. */
async function writePolicy(text: string): Promise<void> {
  writeFileSync(join(at.folder_of_policies, 'default.yaml'), default_policy_file.text);
  writeFileSync(join(at.folder_of_policies, 'deploys.yaml'), text);
  await vi.waitFor(async () => {
    const { files } = await at.keeper.policies();
    expect(files.map(({ name }) => name)).toContain('deploys.yaml');
  }, patient);
}

async function statesOf(name: string) {
  const { servers } = await at.client['servers.list']({});
  return servers.find((server) => server.name === name);
}

describe('a new version for ten servers', () => {
  it('goes to one, then to the others in batches, none before its wave; its plan and its run show them', async () => {
    const all = await fleet(10);
    const canary = held();
    const second = held();
    outcomes.set('s00', canary.outcome);
    outcomes.set('s02', second.outcome);
    repository.commit('second');
    const planned = await at.client['stacks.deploy']({ stack: 'shop', dry_run: true });
    expect(planned.operation.plan.rollout).toEqual({
      waves: [
        { count: 1, servers: ['s00'] },
        { count: 3, servers: ['s01', 's02', 's03'] },
        { count: 3, servers: ['s04', 's05', 's06'] },
        { count: 3, servers: ['s07', 's08', 's09'] },
      ],
      pause_seconds: 0,
      max_failed: 0,
    });
    const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
    await vi.waitFor(() => expect(having(2)).toEqual(['s00']), patient);
    await vi.waitFor(async () => {
      const { targets } = (await at.client['operations.get']({ id: operation.id! })).operation;
      expect(targets.map(({ state }) => state)).toEqual(['running', ...Array(9).fill('waiting')]);
      expect(targets[4]).toEqual({ server: 's04', state: 'waiting', message: 'Waits for wave 3 of 4.' });
    }, patient);
    canary.release(done);
    await vi.waitFor(() => expect(having(2)).toEqual(['s00', 's01', 's02', 's03']), patient);
    await vi.waitFor(async () => expect((await statesOf('s03'))?.converged).toBe(true), patient);
    expect(having(1), 'while one of a wave is at it, the next does not begin').toEqual(all.slice(4));
    second.release(done);
    expect(await ended(operation.id!)).toMatchObject({ state: 'succeeded', message: null });
    expect(having(2)).toEqual(all);
    const { run, nodes } = await at.client['runs.get']({ id: operation.run_id!, wait_seconds: 5 });
    expect(run).toMatchObject({ workflow: 'rollout', state: 'succeeded' });
    expect(nodes.map(({ key, state }) => [key, state])).toEqual([
      ['carry_out', 'succeeded'],
      ['waves', 'succeeded'],
      ['finish', 'succeeded'],
      ...[1, 2, 3, 4].map((wave) => [`waves/wave-${wave}`, 'succeeded']),
    ]);
    const { events } = await at.client['events.list']({ kind: ['rollout.advanced'] });
    expect(events).toHaveLength(4);
    const { stack } = await at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 2, serving_version: 2, health: 'healthy' });
  });

  it('that fails on the first goes to no other, and the next one is made against what was before', async () => {
    const all = await fleet(10);
    outcomes.set('s00', failsFrom(2, 'api answers 500'));
    const operation = await ended(await deploy('second'));
    expect(operation).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(
        /Stopped in wave 1\.\ns00: api answers 500\nAll servers have what version 1 was\./,
      ),
    });
    expect(all.filter((name) => versionsOf(name).includes(2))).toEqual(['s00']);
    expect((await at.keeper.ledger({ after: 0, limit: 500 })).entries.filter(({ kind }) => kind === 'undone')).toEqual(
      [],
    );
    const { stack } = await at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 2, serving_version: 1 });
    expect(await ended(await deploy('third'))).toMatchObject({ state: 'succeeded' });
    expect(having(3)).toEqual(all);
  });

  it('that fails in the second wave is taken back: all have the content of before, signed once as a version of its own', async () => {
    const all = await fleet(10);
    outcomes.set('s02', failsFrom(2, 'api answers 500'));
    const before = (await at.client['stacks.get']({ stack: 'shop' })).commits['api'];
    const operation = await ended(await deploy('second'));
    expect(operation).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(
        /wave 2\.\ns02: api answers 500\nAll servers have what version 1 was again, as version 3\./,
      ),
    });
    expect(operation.targets[9]).toMatchObject({ state: 'failed', message: expect.stringMatching(/was not begun/) });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
    expect(all.filter((name) => versionsOf(name).includes(2))).toEqual(all.slice(0, 4));
    const { stack, commits } = await at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 3, serving_version: 3, health: 'healthy' });
    expect(commits['api']).toBe(before);
    const { versions } = await at.client['stacks.versions']({ stack: 'shop' });
    expect(versions.map(({ version, state }) => [version, state])).toEqual([
      [3, 'succeeded'],
      [2, 'failed'],
      [1, 'succeeded'],
    ]);
    const { entries } = await at.keeper.ledger({ after: 0, limit: 500 });
    expect(entries.filter(({ kind }) => kind === 'undone')).toMatchObject([{ operation_id: operation.id }]);
    const run = (await at.client['runs.get']({ id: operation.run_id!, wait_seconds: 5 })).run;
    expect(run.state).toBe('compensated');
    const audit = await at.client['audit.list']({ operation_id: operation.id! });
    expect(audit.entries.map(({ kind }) => kind)).toContain('operation.compensated');
  });

  it('goes on where it was when the control plane is started again in the middle', async () => {
    const all = await fleet(10);
    const second = held();
    outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(all.slice(0, 4)), patient);
    await at.restart();
    await vi.waitFor(async () => expect((await statesOf('s01'))?.state).toBe('online'), patient);
    expect(having(1)).toEqual(all.slice(4));
    second.release(done);
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    expect(all.map((name) => versionsOf(name))).toEqual(all.map(() => [1, 2]));
  });

  it('is taken back to the end by a control plane that is started again in the middle of that', async () => {
    const all = await fleet(4);
    outcomes.set('s01', failsFrom(2, 'api answers 500'));
    const back = held(3);
    outcomes.set('s00', back.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(versionsOf('s00')).toContain(3), patient);
    await at.restart();
    back.release(done);
    expect(await ended(id)).toMatchObject({ state: 'compensated' });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
    const { entries } = await at.keeper.ledger({ after: 0, limit: 500 });
    expect(entries.filter(({ kind }) => kind === 'undone')).toHaveLength(1);
  });
});

it('a rollback goes to all at once, and fails as such without being taken back', async () => {
  const all = await fleet(3);
  await ended(await deploy('second'));
  outcomes.set('s01', failsFrom(3, 'api answers 500'));
  const back = (await at.client['stacks.rollback']({ stack: 'shop' })).operation;
  expect(back.plan.rollout).toBeUndefined();
  expect(await ended(back.id!)).toMatchObject({ state: 'failed', message: 's01: api answers 500' });
  expect(having(3)).toEqual(all);
  const { run } = await at.client['runs.get']({ id: back.run_id!, wait_seconds: 5 });
  expect(run).toMatchObject({ workflow: 'change', state: 'failed' });
  const removal = await at.confirmed(at.client['stacks.remove']({ stack: 'shop' }));
  expect(await ended(removal.id!)).toMatchObject({ state: 'succeeded' });
});

it('a plan for several servers is carried out on the one that is left', async () => {
  await fleet(2);
  await writePolicy(`schema: 1
rules:
  - name: deploys
    match: { operations: [stacks.deploy] }
    effect: require
    require: { confirmation: true }
`);
  repository.commit('second');
  const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
  expect(operation.state).toBe('waiting');
  await at.confirmed(at.client['servers.remove']({ server: 's01', leave_running: true }));
  const confirmed = await at.confirmed(Promise.resolve({ operation }));
  expect(await ended(confirmed.id!)).toMatchObject({ state: 'succeeded', version: 2, targets: [{ server: 's00' }] });
  const { run } = await at.client['runs.get']({ id: confirmed.run_id!, wait_seconds: 5 });
  expect(run).toMatchObject({ workflow: 'rollout', state: 'succeeded' });
});

describe('while a version goes out in waves', () => {
  it('no other is made of the stack; it can be cancelled, and then all have again what they had', async () => {
    const all = await fleet(4);
    const second = held();
    outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00', 's01']), patient);
    for (const change of [
      () => at.client['stacks.deploy']({ stack: 'shop', restart: true }),
      () => at.client['stacks.rollback']({ stack: 'shop' }),
      () => at.client['stacks.remove']({ stack: 'shop' }),
    ]) {
      const hint = expect.stringContaining(`ops cancel ${id}`);
      await expect(change()).rejects.toMatchObject({ code: 'Conflict', hint });
    }
    await at.client['operations.cancel']({ id, reason: 'wrong branch' });
    expect(await ended(id)).toMatchObject({ state: 'cancelled', message: expect.stringMatching(/as version 3/) });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
    await expect(at.client['operations.cancel']({ id })).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('its run can be paused: no other wave begins until it is resumed', async () => {
    await fleet(3);
    const canary = held();
    outcomes.set('s00', canary.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00']), patient);
    const { operation } = await at.client['operations.get']({ id });
    await at.client['runs.pause']({ id: operation.run_id! });
    canary.release(done);
    await vi.waitFor(async () => expect((await statesOf('s00'))?.converged).toBe(true), patient);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(having(2)).toEqual(['s00']);
    await at.client['runs.resume']({ id: operation.run_id! });
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
  });

  it('a server that comes gets what was in force, and the new one when that is; one that goes is not waited for', async () => {
    await fleet(4);
    const second = held();
    outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00', 's01']), patient);
    await enrol('s99');
    await vi.waitFor(() => expect(versionsOf('s99')).toEqual([1]), patient);
    await at.confirmed(at.client['servers.remove']({ server: 's01', leave_running: true }));
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    await vi.waitFor(() => expect(versionsOf('s99')).toEqual([1, 2]), patient);
  });

  it('a server that is offline is not waited for, and is named', async () => {
    await fleet(3);
    await agents.get('s01')!.stop();
    const database = openSqlite(join(at.home, 'mainstay.db'));
    // What it had sent last may be written yet.
    await new Promise((resolve) => setTimeout(resolve, 500));
    database.prepare("UPDATE servers SET online = 0, last_seen_at = last_seen_at - 90000 WHERE name = 's01'").run();
    database.close();
    const operation = await ended(await deploy('second'));
    expect(operation).toMatchObject({ state: 'succeeded', message: expect.stringMatching(/Offline.*s01/) });
    expect(having(2)).toEqual(['s00', 's02']);
  });

  it('a service that falls ill after its switch stops it, and what was before comes back', async () => {
    const all = await fleet(3, { pause_seconds: 2 });
    const id = await deploy('second');
    await vi.waitFor(() => expect(versionsOf('s00')).toContain(2), patient);
    agents.get('s00')!.fallIll('crash_looping');
    expect(await ended(id)).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(/s00: api took it, and is crash looping/),
    });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
  });
});

it('a version that was taken back is not tried again by itself, and is when a person asks', async () => {
  await fleet(3, {}, { poll_interval_seconds: 5 });
  outcomes.set('s01', failsFrom(2, 'api answers 500'));
  repository.commit('second');
  const deploys = async () =>
    (await at.client['operations.list']({ operation: 'stacks.deploy', limit: 10 })).operations;
  const [followed] = await vi.waitFor(async () => {
    const all = await deploys();
    expect(all).toHaveLength(1);
    return all;
  }, patient);
  expect(await ended(followed!.id!)).toMatchObject({ state: 'compensated', actor: { id: 'ref-poller' } });
  // Its refs are looked up once more in this time.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  expect(await deploys()).toHaveLength(1);
  const again = await at.client['stacks.deploy']({ stack: 'shop' });
  expect(await ended(again.operation.id!)).toMatchObject({ state: 'succeeded', version: 4 });
});

describe('where what was before cannot be brought back', () => {
  const withUndo = async (undo: KeeperApi['undo']) => {
    await at.stop();
    at = await startFixture({
      port,
      keeper: (keeper) =>
        new Proxy(keeper, {
          get: (target, name: keyof KeeperApi) =>
            name === 'undo' ? undo : (target[name] as () => unknown).bind(target),
        }),
    });
    repository = at.repository('api');
  };

  it('the operation fails, and says which servers still have the new version', async () => {
    await withUndo(async () => ({ decision: 'denied', reason: 'It was approved too long ago.', hint: null }));
    await fleet(3);
    outcomes.set('s01', failsFrom(2, 'api answers 500'));
    expect(await ended(await deploy('second'))).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/s01: api answers 500\n.*approved too long ago.\nStill on version 2: s00\./),
    });
    outcomes.clear();
    const operation = (await at.client['stacks.deploy']({ stack: 'shop' })).operation;
    expect(await ended(operation.id!), 'the next one takes all of them along').toMatchObject({ state: 'succeeded' });
    expect(having(3)).toEqual(['s00', 's01', 's02']);
  });

  it('a keeper that is away is waited for', async () => {
    let isAway = true;
    const calls: unknown[] = [];
    await withUndo(async (request) => {
      calls.push(request);
      if (isAway) throw new AppError('Unavailable', 'The keeper is away.');
      return at.keeper.undo(request);
    });
    await fleet(3);
    outcomes.set('s01', failsFrom(2, 'api answers 500'));
    const id = await deploy('second');
    await vi.waitFor(() => expect(calls.length).toBeGreaterThan(0), patient);
    isAway = false;
    expect(await ended(id)).toMatchObject({ state: 'compensated' });
  });

  it('a run that is stuck waits for a person, who may give it up', async () => {
    await withUndo(async () => {
      throw new AppError('Internal', 'The keeper is broken.');
    });
    await fleet(3);
    outcomes.set('s01', failsFrom(2, 'api answers 500'));
    const id = await deploy('second');
    const { run_id } = (await at.client['operations.get']({ id })).operation;
    await vi.waitFor(async () => {
      expect((await at.client['runs.get']({ id: run_id! })).run.state).toBe('stuck');
    }, patient);
    expect((await at.client['operations.get']({ id })).operation.state).toBe('running');
    await at.client['runs.cancel']({ id: run_id! });
    expect(await ended(id)).toMatchObject({ state: 'failed', message: expect.stringMatching(/given up/) });
  });
});
