import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
afterEach(() => at.stop());

const away = () => new AppError('Unavailable', 'The keeper is away.');

/** A control plane whose keeper gives its keys as `keys` says, so that a change can be stopped on its way. */
async function withKeys(keys: (ask: () => Promise<unknown>) => Promise<unknown>) {
  at = await startFixture({
    keeper: (keeper) =>
      new Proxy(keeper, {
        get: (target, name: keyof KeeperApi) =>
          name === 'keys' ? () => keys(() => target.keys()) : (target[name] as () => unknown).bind(target),
      }),
  });
}

/** Asks for a secret to be set; settles when its operation is there, not when it is done. */
async function asked(): Promise<string> {
  at.client['secrets.set']({ stack: 'shop', name: 'API_KEY', value: 'x' }).catch(() => {});
  const approved = async () => {
    const { operations } = await at.client['operations.list']({ operation: 'secrets.set', limit: 1 });
    expect(operations[0]?.state).toBe('approved');
    return operations[0]!.id!;
  };
  return vi.waitFor(approved, { timeout: 20_000 });
}

async function expectCancelled(id: string, runs: readonly string[]): Promise<void> {
  const { operation } = await at.client['operations.get']({ id, wait_seconds: 10 });
  expect(operation).toMatchObject({ state: 'cancelled', message: expect.stringContaining('Cancelled by') });
  await vi.waitFor(
    async () =>
      expect((await at.client['runs.list']({ operation_id: id })).runs.map(({ state }) => state)).toEqual(runs),
    { timeout: 10_000 },
  );
  expect((await at.client['secrets.list']({ stack: 'shop' })).secrets).toEqual([]);
  const { entries } = await at.client['audit.list']({ operation_id: id });
  const ends = entries.filter(({ kind }) => /^operation\.(cancelled|failed|succeeded)$/.test(kind));
  expect(ends.map(({ kind }) => kind)).toEqual(['operation.cancelled']);
  await expect(at.client['operations.cancel']({ id })).rejects.toMatchObject({ code: 'Conflict', field: 'id' });
}

describe('an operation that is cancelled before it was carried out changes nothing', () => {
  it('when it has no run yet', async () => {
    let isAway = false;
    await withKeys(async (ask) => {
      if (isAway) throw away();
      return ask();
    });
    isAway = true;
    const id = await asked();
    await at.client['operations.cancel']({ id, reason: 'not now' });
    isAway = false;
    await expectCancelled(id, []);
  });

  it.each(['operations.cancel', 'runs.cancel'] as const)('when its run is tried again (%s)', async (how) => {
    let left = Number.POSITIVE_INFINITY;
    await withKeys(async (ask) => {
      if (left-- <= 0) throw away();
      return ask();
    });
    // The controller gets them, whoever carries out does not.
    left = 1;
    const id = await asked();
    const run_id = (await at.client['operations.get']({ id })).operation.run_id!;
    await vi.waitFor(
      async () => expect((await at.client['runs.get']({ id: run_id })).nodes[0]?.state).toBe('retrying'),
      { timeout: 10_000 },
    );
    left = Number.POSITIVE_INFINITY;
    if (how === 'runs.cancel') {
      const { operation } = await at.client['runs.pause']({ id: run_id });
      expect(operation.state).toBe('succeeded');
    }
    await at.client[how]({ id: how === 'runs.cancel' ? run_id : id });
    await expectCancelled(id, ['cancelled']);
  });

  it('at the very moment when it is carried out', async () => {
    let calls = 0;
    let go = () => {};
    let isAsked = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      isAsked = resolve;
    });
    let isHeld = false;
    await withKeys(async (ask) => {
      if (isHeld && ++calls === 2) {
        isAsked();
        await gate;
      }
      return ask();
    });
    isHeld = true;
    const id = await asked();
    await reached;
    await at.client['operations.cancel']({ id });
    go();
    await expectCancelled(id, ['cancelled']);
  });
});

describe('an operation that was carried out', () => {
  it('cannot be cancelled while its servers follow it, nor can its run, and is told how to be taken back', async () => {
    at = await startFixture();
    const repository = at.repository('api');
    const spec = { services: { api: { source: { git: repository.url }, run: 'node server.js' } } };
    await at.client['stacks.apply']({ stack: 'shop', spec });
    const server = await at.enrol('h1', 'shop');
    const env = { LEVEL: 'debug' };
    const changed = { services: { api: { ...spec.services.api, env } } };
    const { operation } = await at.client['stacks.apply']({ stack: 'shop', spec: changed });
    expect(operation.state).toBe('running');
    const refusal = {
      code: 'Conflict',
      field: 'id',
      message: expect.stringContaining('cannot be cancelled: the change is written already, and its servers follow it'),
      hint: expect.stringContaining('mainstay stacks rollback shop'),
    };
    await expect(at.client['operations.cancel']({ id: operation.id! })).rejects.toMatchObject(refusal);
    await expect(at.client['runs.cancel']({ id: operation.run_id! })).rejects.toMatchObject(refusal);
    const { offer } = await server.desired();
    await server.report(offer!, 'succeeded');
    const after = (await at.client['operations.get']({ id: operation.id!, wait_seconds: 10 })).operation;
    expect(after.state).toBe('succeeded');
    const { run } = await at.client['runs.get']({ id: operation.run_id!, wait_seconds: 10 });
    expect(run.state).toBe('succeeded');
    await expect(at.client['operations.cancel']({ id: operation.id! })).rejects.toMatchObject({
      ...refusal,
      message: `Operation ${operation.id} cannot be cancelled: it is succeeded.`,
    });
  });
});
