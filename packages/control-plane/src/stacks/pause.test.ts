import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';

let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  at = await startFixture();
  repository = at.repository('api');
});
afterEach(() => at.stop());

const spec = (level = 'info') => ({
  poll_interval_seconds: 86_400,
  services: { api: { source: { git: repository.url }, run: 'node server.js', env: { LEVEL: level } } },
});
const stackOf = async (stack: string) => (await at.client['stacks.get']({ stack })).stack;

describe('a paused stack', () => {
  it('takes no deployment, whoever asks, and says what to do; a rollback it takes', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    await at.client['stacks.apply']({ stack: 'shop', spec: spec('debug') });
    const { operation } = await at.client['stacks.pause']({ stack: 'shop', reason: 'the sale' });
    expect(operation).toMatchObject({ state: 'succeeded', plan: { changes: [{ action: 'create', path: 'paused' }] } });
    expect(await stackOf('shop')).toMatchObject({
      paused: { by: 'owner', reason: 'the sale', at: operation.finished_at },
      version: 2,
    });
    repository.commit('second');
    const refusal = {
      code: 'Conflict',
      field: 'stack',
      message: 'Stack "shop" was paused by owner (the sale): nothing is deployed to it.',
      hint: 'Resume it first: mainstay stacks resume shop',
    };
    const tries = [
      at.client['stacks.deploy']({ stack: 'shop' }),
      at.client['stacks.deploy']({ stack: 'shop', dry_run: true }),
      at.client['stacks.apply']({ stack: 'shop', spec: spec('trace') }),
    ];
    for (const attempt of tries) await expect(attempt).rejects.toMatchObject(refusal);
    await at.client['stacks.rollback']({ stack: 'shop' });
    expect(await stackOf('shop')).toMatchObject({ version: 3, paused: { reason: 'the sale' } });

    await at.client['stacks.resume']({ stack: 'shop' });
    expect((await stackOf('shop')).paused).toBeNull();
    await at.client['stacks.deploy']({ stack: 'shop' });
    expect((await stackOf('shop')).version).toBe(4);
    const { events } = await at.client['events.list']({ stack: 'shop' });
    const told = events.filter(({ kind }) => kind === 'stack.paused' || kind === 'stack.resumed');
    expect(told).toMatchObject([
      {
        kind: 'stack.paused',
        actor: 'owner',
        operation_id: operation.id,
        message: 'Stack shop was paused by owner: the sale',
      },
      { kind: 'stack.resumed', actor: 'owner', message: 'Stack shop was resumed by owner.' },
    ]);
  });

  it('follows no push until it is resumed, and then what was pushed meanwhile', async () => {
    const push = async (stack: string) => {
      const { result } = await at.client['stacks.enable_webhook']({ stack });
      const body = JSON.stringify({ ref: 'refs/heads/main' });
      const signature = createHmac('sha256', result!.secret!).update(body).digest('hex');
      const headers = { 'x-hub-signature-256': `sha256=${signature}` };
      expect((await at.http(result!.path, { method: 'POST', token: null, body, headers })).status).toBe(202);
    };
    const commitOf = async (stack: string) => (await at.client['stacks.get']({ stack })).commits['api'];
    // Stacks are looked at by name, so that once the second one has moved, the first one was passed over.
    for (const stack of ['a', 'b']) await at.client['stacks.apply']({ stack, spec: spec() });
    const before = await commitOf('a');
    await at.client['stacks.pause']({ stack: 'a' });
    const commit = repository.commit('second');
    for (const stack of ['a', 'b']) await push(stack);
    await vi.waitFor(async () => expect(await commitOf('b')).toBe(commit), 15_000);
    expect(await commitOf('a')).toBe(before);
    const { events } = await at.client['events.list']({ stack: 'a' });
    expect(events.findLast(({ kind }) => kind === 'webhook.received')?.message).toBe(
      'GitHub reported a push for stack a, which is paused.',
    );
    await at.client['stacks.resume']({ stack: 'a' });
    await vi.waitFor(async () => expect(await commitOf('a')).toBe(commit), 15_000);
  });

  it('is not paused twice, and one that is not paused is not resumed: nothing changes', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    const resumed = await at.client['stacks.resume']({ stack: 'shop' });
    expect(resumed.operation).toMatchObject({ message: 'Nothing to change.', plan: { changes: [] } });
    await at.client['stacks.pause']({ stack: 'shop', reason: 'first' });
    const again = await at.client['stacks.pause']({ stack: 'shop', reason: 'second' });
    expect(again.operation).toMatchObject({ message: 'Nothing to change.', plan: { changes: [] } });
    expect((await stackOf('shop')).paused).toMatchObject({ reason: 'first' });
  });

  it('can be removed, and one that is made again under its name is not paused', async () => {
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    await at.client['stacks.pause']({ stack: 'shop' });
    await at.confirmed(at.client['stacks.remove']({ stack: 'shop' }));
    await at.client['stacks.apply']({ stack: 'shop', spec: spec() });
    expect(await stackOf('shop')).toMatchObject({ version: 3, paused: null });
  });
});
