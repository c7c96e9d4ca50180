import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { contentDigest } from '@mainstay/contract/keeper-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeeper, type Keeper, type KeeperOptions } from '../keeper.ts';
import { deployProposal, makePerson, type Person, plainProposal } from '../testing/proposals.ts';

const day = 86_400_000;
let folder: string;
let keeper: Keeper;
let now: number;
let olga: Person;

const start = async (retention: Partial<KeeperOptions['retention'] & object>) => {
  keeper = await createKeeper({
    directory: folder,
    now: () => now,
    retention: { days: 90, count: 1_000, fleets: 10, ...retention },
  });
};
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-retention-'));
  now = 1_760_000_000_000;
  olga = await makePerson('olga', 'owner');
});
afterEach(() => {
  keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

const propose = async (operation = 'stacks.pause') => {
  const proposal = plainProposal(olga.actor, operation, 'stack/shop');
  await keeper.decide(proposal);
  return proposal.operation_id;
};
const kinds = async () => (await keeper.ledger({ after: 0, limit: 1_000 })).entries.map(({ kind }) => kind);

describe('a proposal that ended', () => {
  it('is let go of when it is old, and the ledger keeps what was decided', async () => {
    await start({});
    const old = await propose();
    now += 89 * day;
    const young = await propose();
    expect(await keeper.decisionOf(old)).toMatchObject({ decision: 'approved' });
    now += 2 * day;
    await propose();
    expect(await keeper.decisionOf(old)).toBeNull();
    expect(await keeper.decisionOf(young)).toMatchObject({ decision: 'approved' });
    expect((await kinds()).filter((kind) => kind === 'approved')).toHaveLength(3);
    expect(await keeper.verifyLedger()).toMatchObject({ ok: true });
  });

  it('is let go of when there are too many, the oldest first', async () => {
    await start({ count: 3 });
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) {
      now += 1_000;
      ids.push(await propose());
    }
    const kept = await Promise.all(ids.map(async (id) => (await keeper.decisionOf(id)) !== null));
    expect(kept).toEqual([false, false, true, true, true, true]);
  });

  it('is kept while it waits, however old the others are', async () => {
    await start({ count: 1 });
    const waiting = await propose('stacks.remove');
    for (let n = 0; n < 5; n += 1) {
      now += 1_000;
      await propose();
    }
    expect(await keeper.decisionOf(waiting)).toMatchObject({ decision: 'waiting' });
  });

  it('is still held against what is proposed later: names of stacks and servers, and their newest version', async () => {
    await start({ count: 1 });
    const server_id = newId('server');
    const invite = () => ({
      ...plainProposal(olga.actor, 'servers.invite', 'server/web1'),
      action: { kind: 'invitation' as const, server_id, token_sha256: 'f'.repeat(64), stack_id: null },
    });
    const shop = await deployProposal(olga.actor);
    expect(await keeper.decide(shop)).toMatchObject({ decision: 'approved' });
    expect(await keeper.decide(invite())).toMatchObject({ decision: 'approved' });
    for (let n = 0; n < 5; n += 1) {
      now += 1_000;
      await propose();
    }
    expect(await keeper.decisionOf(shop.operation_id)).toBeNull();
    const database = new DatabaseSync(join(folder, 'ledger.db'), { readOnly: true });
    expect(database.prepare('SELECT name, version FROM signed_stacks').all()).toEqual([{ name: 'shop', version: 2 }]);
    expect(database.prepare('SELECT server_id, target FROM invited_servers').all()).toEqual([
      { server_id, target: 'server/web1' },
    ]);
    database.close();
    const document = { ...shop.document!, version: 3, stack: 'staging' };
    const { stack_id } = document;
    const renamed = {
      ...shop,
      operation_id: newId('operation'),
      document,
      plan: { ...shop.plan, target: 'stack/staging', content_sha256: await contentDigest(document) },
      action: { kind: 'desired_state' as const, stack_id, version: 3, sha256: await desiredStateDigest(document) },
      about: { ...shop.about, stack: 'staging' },
    };
    expect(await keeper.decide(renamed)).toMatchObject({
      decision: 'denied',
      reason: `The stack ${stack_id} is called shop, not staging.`,
    });
  });

  it('of a ledger from before gives its names and versions to the tables that keep them', async () => {
    await start({});
    const shop = await deployProposal(olga.actor);
    const { stack_id } = shop.document!;
    await keeper.decide(shop);
    keeper.close();
    const database = new DatabaseSync(join(folder, 'ledger.db'));
    database.exec('DROP TABLE signed_stacks; DROP TABLE invited_servers');
    database.close();
    await start({});
    const after = new DatabaseSync(join(folder, 'ledger.db'), { readOnly: true });
    expect(after.prepare('SELECT * FROM signed_stacks').all()).toEqual([{ stack_id, name: 'shop', version: 2 }]);
    after.close();
  });
});
