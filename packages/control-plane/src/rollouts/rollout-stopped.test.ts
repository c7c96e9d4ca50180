import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { describe, expect, it, vi } from 'vitest';
import { done, failsFrom, fleetForTests, held, patient } from './testing/fleet.ts';

const world = fleetForTests();
const { deploy, ended, enrol, fleet, having, statesOf, versionsOf } = world;

describe('while a version goes out in waves', () => {
  it('no other is made of the stack; it can be cancelled, and then all have again what they had', async () => {
    const all = await fleet(4);
    const second = held();
    world.outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00', 's01']), patient);
    for (const change of [
      () => world.at.client['stacks.deploy']({ stack: 'shop', restart: true }),
      () => world.at.client['stacks.rollback']({ stack: 'shop' }),
      () => world.at.client['stacks.remove']({ stack: 'shop' }),
    ]) {
      const hint = expect.stringContaining(`ops cancel ${id}`);
      await expect(change()).rejects.toMatchObject({ code: 'Conflict', hint });
    }
    await world.at.client['operations.cancel']({ id, reason: 'wrong branch' });
    expect(await ended(id)).toMatchObject({ state: 'cancelled', message: expect.stringMatching(/as version 3/) });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
    await expect(world.at.client['operations.cancel']({ id })).rejects.toMatchObject({ code: 'Conflict' });
  });

  it('its run can be paused: no other wave begins until it is resumed', async () => {
    await fleet(3);
    const canary = held();
    world.outcomes.set('s00', canary.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00']), patient);
    const { operation } = await world.at.client['operations.get']({ id });
    await world.at.client['runs.pause']({ id: operation.run_id! });
    canary.release(done);
    await vi.waitFor(async () => expect((await statesOf('s00'))?.converged).toBe(true), patient);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(having(2)).toEqual(['s00']);
    await world.at.client['runs.resume']({ id: operation.run_id! });
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
  });

  it('a server that comes gets what was in force, and the new one when that is; one that goes is not waited for', async () => {
    await fleet(4);
    const second = held();
    world.outcomes.set('s01', second.outcome);
    const id = await deploy('second');
    await vi.waitFor(() => expect(having(2)).toEqual(['s00', 's01']), patient);
    await enrol('s99');
    await vi.waitFor(() => expect(versionsOf('s99')).toEqual([1]), patient);
    await world.at.confirmed(world.at.client['servers.remove']({ server: 's01', leave_running: true }));
    expect(await ended(id)).toMatchObject({ state: 'succeeded' });
    await vi.waitFor(() => expect(versionsOf('s99')).toEqual([1, 2]), patient);
  });

  it('a server that is offline is not waited for, and is named', async () => {
    await fleet(3);
    await world.agents.get('s01')!.stop();
    const database = openSqlite(join(world.at.home, 'mainstay.db'));
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
    world.agents.get('s00')!.fallIll('crash_looping');
    expect(await ended(id)).toMatchObject({
      state: 'compensated',
      message: expect.stringMatching(/s00: api took it, and is crash looping/),
    });
    await vi.waitFor(() => expect(having(3)).toEqual(all), patient);
  });
});

it('a version that was taken back is not tried again by itself, and is when a person asks', async () => {
  await fleet(3, {}, { poll_interval_seconds: 5 });
  world.outcomes.set('s01', failsFrom(2, 'api answers 500'));
  world.repository.commit('second');
  const deploys = async () =>
    (await world.at.client['operations.list']({ operation: 'stacks.deploy', limit: 10 })).operations;
  const [followed] = await vi.waitFor(async () => {
    const all = await deploys();
    expect(all).toHaveLength(1);
    return all;
  }, patient);
  expect(await ended(followed!.id!)).toMatchObject({ state: 'compensated', actor: { id: 'ref-poller' } });
  // Its refs are looked up once more in this time.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  expect(await deploys()).toHaveLength(1);
  const again = await world.at.client['stacks.deploy']({ stack: 'shop' });
  expect(await ended(again.operation.id!)).toMatchObject({ state: 'succeeded', version: 4 });
});

describe('where what was before cannot be brought back', () => {
  const withUndo = async (undo: KeeperApi['undo']) => {
    await world.restartWith({
      keeper: (keeper) =>
        new Proxy(keeper, {
          get: (target, name: keyof KeeperApi) =>
            name === 'undo' ? undo : (target[name] as () => unknown).bind(target),
        }),
    });
  };

  it('the operation fails, and says which servers still have the new version', async () => {
    await withUndo(async () => ({ decision: 'denied', reason: 'It was approved too long ago.', hint: null }));
    await fleet(3);
    world.outcomes.set('s01', failsFrom(2, 'api answers 500'));
    expect(await ended(await deploy('second'))).toMatchObject({
      state: 'failed',
      message: expect.stringMatching(/s01: api answers 500\n.*approved too long ago.\nStill on version 2: s00\./),
    });
    world.outcomes.clear();
    const operation = (await world.at.client['stacks.deploy']({ stack: 'shop' })).operation;
    expect(await ended(operation.id!), 'the next one takes all of them along').toMatchObject({ state: 'succeeded' });
    expect(having(3)).toEqual(['s00', 's01', 's02']);
  });

  it('a keeper that is away is waited for', async () => {
    let isAway = true;
    const calls: unknown[] = [];
    await withUndo(async (request) => {
      calls.push(request);
      if (isAway) throw new AppError('Unavailable', 'The keeper is away.');
      return world.at.keeper.undo(request);
    });
    await fleet(3);
    world.outcomes.set('s01', failsFrom(2, 'api answers 500'));
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
    world.outcomes.set('s01', failsFrom(2, 'api answers 500'));
    const id = await deploy('second');
    const { run_id } = (await world.at.client['operations.get']({ id })).operation;
    await vi.waitFor(async () => {
      expect((await world.at.client['runs.get']({ id: run_id! })).run.state).toBe('stuck');
    }, patient);
    expect((await world.at.client['operations.get']({ id })).operation.state).toBe('running');
    await world.at.client['runs.cancel']({ id: run_id! });
    expect(await ended(id)).toMatchObject({ state: 'failed', message: expect.stringMatching(/given up/) });
  });
});
