import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent, type SimulatedOutcome } from '@mainstay/agent/sim/simulated-agent';
import type { OperationView } from '@mainstay/contract/operation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';
import { refusal } from '../testing/refusal.ts';

const patient = { timeout: 60_000, interval: 50 };
let at: Fixture;
let agent_dir: string;
const agents = new Map<string, SimulatedAgent>();
const updates = new Map<string, () => SimulatedOutcome | Promise<SimulatedOutcome>>();

const handOut = (version: string, arch = 'x64') =>
  writeFileSync(join(agent_dir, 'release.json'), JSON.stringify({ version, files: [{ name: 'agent', arch }] }));

beforeEach(async () => {
  agents.clear();
  updates.clear();
  agent_dir = mkdtempSync(join(tmpdir(), 'mainstay-release-'));
  handOut('2.0.0');
  at = await startFixture({ agent_dir });
});
afterEach(async () => {
  await Promise.all([...agents.values()].map((agent) => agent.stop()));
  await at.stop();
  rmSync(agent_dir, { recursive: true, force: true });
});

const enrol = async (server: string, labels: Record<string, string> = {}) => {
  const { result } = await at.client['servers.invite']({ server, labels });
  const agent = createSimulatedAgent({
    url: at.plane.url,
    token: result!.token!,
    heartbeat_interval_ms: 200,
    update: () => updates.get(server)?.() ?? { state: 'succeeded' },
  });
  agents.set(server, agent);
  await agent.start();
  await vi.waitFor(async () => expect((await serverOf(server)).agent_version).toBe('simulated'), patient);
};
const serverOf = async (server: string) => (await at.client['servers.get']({ server })).server;
const versions = async () => {
  const { servers } = await at.client['servers.list']({});
  return Object.fromEntries(servers.map(({ name, agent_version }) => [name, agent_version]));
};
const update = (input: Parameters<Fixture['client']['servers.update_agents']>[0] = {}) =>
  at.client['servers.update_agents'](input);
const ended = ({ operation }: { operation: OperationView }) => at.ended(operation.id!);

describe('an update of the agents of many servers', () => {
  it('goes to one first, then to batches, under one decision; the plan shows waves and versions', async () => {
    for (const name of ['a1', 'a2', 'a3']) await enrol(name, { role: 'web' });
    await enrol('b1');
    const { promise, resolve } = Promise.withResolvers<SimulatedOutcome>();
    updates.set('a1', () => promise);
    const wish = { labels: { role: 'web' }, batch: '100%' };
    const { operation: shown } = await update({ ...wish, dry_run: true });
    expect(shown.plan).toMatchObject({
      summary: 'Update the agents of 3 servers to 2.0.0',
      rollout: {
        waves: [
          { count: 1, servers: ['a1'] },
          { count: 2, servers: ['a2', 'a3'] },
        ],
      },
    });
    expect(shown.plan.changes.map(({ path, from, to }) => [path, from, to])).toEqual(
      ['a1', 'a2', 'a3'].map((name) => [`servers.${name}.agent.version`, 'simulated', '2.0.0']),
    );
    const going = await update(wish);
    await vi.waitFor(async () => {
      const { targets } = (await at.client['operations.get']({ id: going.operation.id! })).operation;
      expect(targets.map(({ state }) => state)).toEqual(['running', 'waiting', 'waiting']);
    }, patient);
    const { operation: beside } = await update({ dry_run: true });
    expect(
      beside.plan.changes.map(({ path }) => path),
      'one update at a time',
    ).toEqual(['servers.b1.agent.version']);
    expect(beside.plan.warnings[0]).toBe('a1 is left out: another update of its agent is going out.');
    resolve({ state: 'succeeded' });
    expect(await ended(going)).toMatchObject({ state: 'succeeded' });
    expect(await versions()).toEqual({ a1: '2.0.0', a2: '2.0.0', a3: '2.0.0', b1: 'simulated' });
    const { entries } = await at.keeper.ledger({ after: 0, limit: 500 });
    const own = entries.filter(({ operation_id }) => operation_id === going.operation.id);
    expect(own.map(({ kind }) => kind)).toEqual(['approved', 'reissued', 'reissued', 'reissued']);
    const again = await update(wish);
    expect(again.operation).toMatchObject({ state: 'succeeded', message: 'Nothing to change.' });
  });

  it('stops where an agent fails: no further wave begins, what was updated stays, and it says who is where', async () => {
    for (const name of ['a1', 'a2', 'a3', 'a4']) await enrol(name);
    updates.set('a2', () => ({ state: 'failed', message: 'Agent 2.0.0 was put back to 1.0.0: it was silent.' }));
    const done = await ended(await update({ batch: 1 }));
    expect(done).toMatchObject({
      state: 'failed',
      message: [
        'Stopped in wave 2.',
        'a2: Agent 2.0.0 was put back to 1.0.0: it was silent.',
        'Updated, and stays so: a1.',
        'Not begun, with the agent that it had: a3, a4.',
      ].join('\n'),
    });
    expect(done.targets.map(({ server, state }) => [server, state])).toEqual([
      ['a1', 'succeeded'],
      ['a2', 'failed'],
      ['a3', 'failed'],
      ['a4', 'failed'],
    ]);
    expect(await versions()).toEqual({ a1: '2.0.0', a2: 'simulated', a3: 'simulated', a4: 'simulated' });
    updates.clear();
    handOut('2.0.1');
    expect(await ended(await update())).toMatchObject({ state: 'succeeded' });
    expect(new Set(Object.values(await versions()))).toEqual(new Set(['2.0.1']));
  });

  it('leaves out who was installed as that version, unless it is named', async () => {
    await enrol('a1');
    handOut('simulated');
    expect((await update()).operation).toMatchObject({ state: 'succeeded', message: 'Nothing to change.' });
    const { operation } = await update({ servers: ['a1'], dry_run: true });
    expect(operation.plan.changes.map(({ path }) => path)).toEqual(['servers.a1.agent.version']);
  });

  it('stops where a service falls ill under the new agent', async () => {
    await enrol('a1');
    await enrol('a2');
    updates.set('a1', () => {
      agents.get('a1')!.fallIll('unhealthy');
      return { state: 'succeeded' };
    });
    const done = await ended(await update());
    expect(done).toMatchObject({ state: 'failed', message: expect.stringContaining('fell ill') });
    expect((await versions())['a2']).toBe('simulated');
  });

  it('leaves out who was given another state meanwhile, and ends when it is cancelled, with what is done', async () => {
    for (const name of ['a1', 'a2', 'a3']) await enrol(name);
    const { promise, resolve } = Promise.withResolvers<SimulatedOutcome>();
    updates.set('a1', () => promise);
    const going = await update({ batch: 1 });
    await vi.waitFor(() => expect(agents.get('a1')!.counts.heartbeats).toBeGreaterThan(3), patient);
    await ended(await at.client['servers.drain']({ server: 'a2' }));
    const last = Promise.withResolvers<SimulatedOutcome>();
    updates.set('a3', () => last.promise);
    resolve({ state: 'succeeded' });
    await vi.waitFor(async () => {
      const { targets } = (await at.client['operations.get']({ id: going.operation.id! })).operation;
      expect(targets[2]?.state).toBe('running');
      expect(targets[1]?.message).toContain('Its state was changed meanwhile');
    }, patient);
    await at.client['operations.cancel']({ id: going.operation.id! });
    last.resolve({ state: 'succeeded' });
    expect(await ended(going)).toMatchObject({
      state: 'cancelled',
      message: expect.stringContaining('Updated, and stays so: a1, a3.'),
    });
    expect(await versions()).toEqual({ a1: '2.0.0', a2: 'simulated', a3: '2.0.0' });
  });

  it('leaves out servers that cannot be updated, with the reason, and refuses where none can be meant', async () => {
    await enrol('a1');
    handOut('2.0.0', 'arm64');
    const { operation } = await update({ dry_run: true });
    expect(operation.plan).toMatchObject({ changes: [], warnings: [expect.stringContaining('a1 is left out: ')] });
    const nobody = { code: 'NotFound', field: 'labels', message: expect.stringContaining('role=db') };
    expect(await refusal(update({ labels: { role: 'db' } }))).toMatchObject(nobody);
    expect(await refusal(update({ version: '3.0.0' }))).toMatchObject({ code: 'NotFound', field: 'version' });
  });

  it('gives each server its own state and none of another operation: a forged list is not signed', async () => {
    await enrol('a1');
    await enrol('a2');
    const done = await ended(await update({ servers: ['a1'] }));
    const { DatabaseSync } = await import('node:sqlite');
    const database = new DatabaseSync(join(at.home, 'mainstay.db'));
    const read = (sql: string) => database.prepare(sql).get() as Record<string, string>;
    const { grant_jws } = read(`SELECT grant_jws FROM operations WHERE id = '${done.id}'`);
    const { id, enrolment_jws } = read(`SELECT id, enrolment_jws FROM servers WHERE name = 'a2'`);
    database.close();
    const asked = { grant: grant_jws!, server_id: id!, enrolment_grant: enrolment_jws! };
    expect(await at.keeper.reissue(asked)).toMatchObject({
      decision: 'denied',
      reason: 'The operation was not approved for that server.',
    });
  });
});
