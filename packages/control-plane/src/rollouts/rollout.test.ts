import { describe, expect, it, vi } from 'vitest';
import { done, failsFrom, fleetForTests, held, patient } from './testing/fleet.ts';

const world = fleetForTests();
const { deploy, ended, fleet, having, statesOf, versionsOf, writePolicy } = world;

describe('a new version for ten servers', () => {
  it('goes to one, then to the others in batches, none before its wave; its plan and its run show them', async () => {
    const all = await fleet(10);
    const canary = held();
    const second = held();
    world.outcomes.set('s00', canary.outcome);
    world.outcomes.set('s02', second.outcome);
    world.repository.commit('second');
    const planned = await world.at.client['stacks.deploy']({ stack: 'shop', dry_run: true });
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
    const { operation } = await world.at.client['stacks.deploy']({ stack: 'shop' });
    await vi.waitFor(() => expect(having(2)).toEqual(['s00']), patient);
    await vi.waitFor(async () => {
      const { targets } = (await world.at.client['operations.get']({ id: operation.id! })).operation;
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
    const { run, nodes } = await world.at.client['runs.get']({ id: operation.run_id!, wait_seconds: 5 });
    expect(run).toMatchObject({ workflow: 'rollout', state: 'succeeded' });
    expect(nodes.map(({ key, state }) => [key, state])).toEqual([
      ['carry_out', 'succeeded'],
      ['waves', 'succeeded'],
      ['finish', 'succeeded'],
      ...[1, 2, 3, 4].map((wave) => [`waves/wave-${wave}`, 'succeeded']),
    ]);
    const { events } = await world.at.client['events.list']({ kind: ['rollout.advanced'] });
    expect(events).toHaveLength(4);
    const { stack } = await world.at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 2, serving_version: 2, health: 'healthy' });
  });

  it('that fails on the first goes to no other, and the next one is made against what was before', async () => {
    const all = await fleet(10);
    world.outcomes.set('s00', failsFrom(2, 'api answers 500'));
    const operation = await ended(await deploy('second'));
    expect(operation).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(
        /Stopped in wave 1\.\ns00: api answers 500\nAll servers have what version 1 was\./,
      ),
    });
    expect(all.filter((name) => versionsOf(name).includes(2))).toEqual(['s00']);
    expect(
      (await world.at.keeper.ledger({ after: 0, limit: 500 })).entries.filter(({ kind }) => kind === 'undone'),
    ).toEqual([]);
    const { stack } = await world.at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 2, serving_version: 1 });
    expect(await world.statesOf('s00'), 'it kept what is in force').toMatchObject({ version: 2, converged: true });
    expect(await ended(await deploy('third'))).toMatchObject({ state: 'succeeded' });
    expect(having(3)).toEqual(all);
  });

  it('that fails in the second wave is taken back: all have the content of before, signed once as a version of its own', async () => {
    const all = await fleet(10);
    world.outcomes.set('s02', failsFrom(2, 'api answers 500'));
    const before = (await world.at.client['stacks.get']({ stack: 'shop' })).commits['api'];
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
    const { stack, commits } = await world.at.client['stacks.get']({ stack: 'shop' });
    expect(stack).toMatchObject({ version: 3, serving_version: 3, health: 'healthy' });
    expect(commits['api']).toBe(before);
    const { versions } = await world.at.client['stacks.versions']({ stack: 'shop' });
    expect(versions.map(({ version, state }) => [version, state])).toEqual([
      [3, 'succeeded'],
      [2, 'failed'],
      [1, 'succeeded'],
    ]);
    const { entries } = await world.at.keeper.ledger({ after: 0, limit: 500 });
    expect(entries.filter(({ kind }) => kind === 'undone')).toMatchObject([{ operation_id: operation.id }]);
    const run = (await world.at.client['runs.get']({ id: operation.run_id!, wait_seconds: 5 })).run;
    expect(run.state).toBe('compensated');
    const audit = await world.at.client['audit.list']({ operation_id: operation.id! });
    expect(audit.entries.map(({ kind }) => kind)).toContain('operation.compensated');
  });

  it('goes on where it was when the control plane is started again in the middle', async () => {
    const all = await fleet(10);
    const second = held();
    world.outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(all.slice(0, 4)), patient);
    await world.at.restart();
    await vi.waitFor(async () => expect((await statesOf('s01'))?.state).toBe('online'), patient);
    expect(having(1)).toEqual(all.slice(4));
    second.release(done);
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    expect(all.map((name) => versionsOf(name))).toEqual(all.map(() => [1, 2]));
  });

  it('is taken back to the end by a control plane that is started again in the middle of that', async () => {
    const all = await fleet(4);
    world.outcomes.set('s01', failsFrom(2, 'api answers 500'));
    const back = held(3);
    world.outcomes.set('s00', back.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(versionsOf('s00')).toContain(3), patient);
    await world.at.restart();
    back.release(done);
    expect(await ended(id)).toMatchObject({ state: 'compensated' });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
    const { entries } = await world.at.keeper.ledger({ after: 0, limit: 500 });
    expect(entries.filter(({ kind }) => kind === 'undone')).toHaveLength(1);
  });
});

it('a rollback goes to all at once, and fails as such without being taken back', async () => {
  const all = await fleet(3);
  await ended(await deploy('second'));
  world.outcomes.set('s01', failsFrom(3, 'api answers 500'));
  const back = (await world.at.client['stacks.rollback']({ stack: 'shop' })).operation;
  expect(back.plan.rollout).toBeUndefined();
  expect(await ended(back.id!)).toMatchObject({ state: 'failed', message: 's01: api answers 500' });
  expect(having(3)).toEqual(all);
  const { run } = await world.at.client['runs.get']({ id: back.run_id!, wait_seconds: 20 });
  expect(run).toMatchObject({ workflow: 'change', state: 'failed' });
  const removal = await world.at.confirmed(world.at.client['stacks.remove']({ stack: 'shop' }));
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
  world.repository.commit('second');
  const { operation } = await world.at.client['stacks.deploy']({ stack: 'shop' });
  expect(operation.state).toBe('waiting');
  await world.at.confirmed(world.at.client['servers.remove']({ server: 's01', leave_running: true }));
  const confirmed = await world.at.confirmed(Promise.resolve({ operation }));
  expect(await ended(confirmed.id!)).toMatchObject({ state: 'succeeded', version: 2, targets: [{ server: 's00' }] });
  const { run } = await world.at.client['runs.get']({ id: confirmed.run_id!, wait_seconds: 20 });
  expect(run).toMatchObject({ workflow: 'rollout', state: 'succeeded' });
});
