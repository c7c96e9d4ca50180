import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { afterEach, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

let at: Fixture;
afterEach(() => at.stop());

it('a change whose keeper is slower than the rounds that look after proposals is done once, and its request is told so', async () => {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  at = await startFixture({
    keeper: (keeper) =>
      new Proxy(keeper, {
        get: (target, name: keyof KeeperApi) => {
          if (name !== 'decide') return (target[name] as () => unknown).bind(target);
          return async (proposal: Parameters<KeeperApi['decide']>[0]) => {
            const decision = await target.decide(proposal);
            await released;
            return decision;
          };
        },
      }),
  });
  const asked = at.client['secrets.set']({ stack: 'shop', name: 'API_KEY', value: 'x' });
  const id = await vi.waitFor(
    async () => {
      const { operations } = await at.client['operations.list']({ operation: 'secrets.set', limit: 1 });
      expect(operations[0]?.state).toBe('succeeded');
      return operations[0]!.id!;
    },
    { timeout: 40_000 },
  );
  release();
  expect((await asked).operation).toMatchObject({ id, state: 'succeeded' });
}, 60_000);
