/** The trail watches itself, and it and the keeper's ledger watch each other: real keeper, real database, damaged past Mainstay. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';
import { createKeeper, type Keeper } from '@mainstay/keeper';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSignals } from '../signals.ts';
import { standingAlerts } from './alerts.ts';
import { keeperAnchors } from './anchors.ts';
import { checkLedger, createLedgerHeads } from './ledger-heads.ts';
import type { PushStatus } from './mirror-push.ts';
import type { AuditParts } from './start-audit.ts';
import { createTrail, type Trail } from './testing/trail.ts';
import { createWatch, type WatchTimes } from './watch.ts';

let trail: Trail;
let keeper: Keeper;
let now: number;
let mirror: ReturnType<AuditParts['mirror']>;
let remotes: PushStatus[];
const clock = { ...systemClock, now: () => now };
const folder = () => join(trail.folder, 'keeper');
const policies = () => join(trail.folder, 'policies');
const open = async () => {
  keeper = await createKeeper({ directory: folder(), policies: policies(), now: () => now });
};

beforeEach(async () => {
  trail = await createTrail(300);
  now = Date.now();
  mirror = { tip: null, problem: null };
  remotes = [];
  mkdirSync(policies());
  await open();
});
afterEach(async () => {
  keeper.close();
  await trail.end();
});

function watchOf(more: Partial<AuditParts> = {}, times: Partial<WatchTimes> = {}) {
  const parts: AuditParts = {
    anchors: async () => ({ anchors: await keeperAnchors(keeper).list(), keeper_reached: true }),
    chained: async () => {},
    mirror: () => mirror,
    remotes: () => remotes,
    ledgerProblem: () => checkLedger(trail.store, keeper),
    ...more,
  };
  const often = {
    walk_ms: 60_000,
    walk_apart_ms: 0,
    walks_apart_ms: 0,
    mirror_fails_ms: 1_000,
    remote_fails_ms: 60_000,
  };
  return createWatch({ store: trail.store, clock, signals: createSignals(), keeper }, parts, { ...often, ...times });
}
const told = async () => {
  const rows = await trail.store.db.selectFrom('audit_entries').selectAll().where('kind', 'like', '%.alert').execute();
  const events = await trail.store.db.selectFrom('events').selectAll().where('kind', 'like', '%.alert').execute();
  expect(events.map(({ kind }) => kind)).toEqual(rows.map(({ kind }) => kind));
  return rows.map(({ kind, target, outcome }) => `${kind} ${target} ${outcome}`);
};

describe('an alert', () => {
  it('is raised once for a broken chain, by a walk in parts too, and stands over a restart', async () => {
    const watch = watchOf();
    await watch();
    expect(await told()).toEqual([]);
    trail.tamper("UPDATE audit_entries SET body = replace(body, 'entry 20', 'entry 21') WHERE seq = 20");
    await watch();
    await watch();
    expect(await told()).toEqual(['audit.alert audit failed']);
    const [alert] = await standingAlerts(trail.store);
    expect(alert?.message).toContain('number 20, was edited');
    await watchOf()();
    expect(await told()).toHaveLength(1);
    trail.tamper("UPDATE audit_entries SET body = replace(body, 'entry 21', 'entry 20') WHERE seq = 20");
    await trail.chain();
    await watch();
    expect(await told()).toEqual(['audit.alert audit failed', 'audit.alert audit succeeded']);
    expect(await standingAlerts(trail.store)).toEqual([]);
  });

  it('does not end before the chain was walked to its end', async () => {
    trail.tamper("UPDATE audit_entries SET body = replace(body, 'entry 20', 'entry 21') WHERE seq = 20");
    await watchOf()();
    // It comes no further than to where it begins.
    const slow = watchOf({}, { walk_ms: 0 });
    await slow();
    await slow();
    expect(await told()).toEqual(['audit.alert audit failed']);
  });

  it('is raised for an end that was cut off after the keeper noted it', async () => {
    await keeperAnchors(keeper).record({ seq: 300, hash: (await hashOf(300))! });
    trail.tamper('DELETE FROM audit_entries WHERE seq > 290');
    await watchOf()();
    expect((await standingAlerts(trail.store))[0]?.message).toContain('cut off');
  });

  it('is raised for a mirror that stands still and a remote that takes nothing, each after its time', async () => {
    const watch = watchOf();
    mirror = { tip: null, problem: 'the repository is broken' };
    remotes = [{ url: 'ssh://git.example/audit', commit: null, problem: 'refused', retry_at: null }];
    await watch();
    expect(await told()).toEqual([]);
    now += 1_000;
    await watch();
    expect(await told()).toEqual(['mirror.alert audit-mirror failed']);
    now += 59_000;
    await watch();
    await watch();
    mirror = { tip: null, problem: null };
    await watch();
    remotes = [];
    await watch();
    expect(await told()).toEqual([
      'mirror.alert audit-mirror failed',
      'mirror.alert audit-mirror/ssh://git.example/audit failed',
      'mirror.alert audit-mirror succeeded',
      'mirror.alert audit-mirror/ssh://git.example/audit succeeded',
    ]);
  });

  it('of a broken policy file stands until it is mended, and neither begins nor ends while the keeper is away', async () => {
    writeFileSync(join(policies(), 'own.yaml'), 'schema: 1\nrules: [{ name: all, effect: allow }]\n');
    await keeper.policies();
    writeFileSync(join(policies(), 'own.yaml'), 'schema: 1\nrules: oops\n');
    await keeper.policies();
    await watchOf()();
    expect(await told()).toEqual(['policy.alert keeper/policy_broken failed']);
    const away = () => Promise.reject(new AppError('Unavailable', 'The keeper is away.'));
    await watchOf({ ledgerProblem: away })();
    writeFileSync(join(policies(), 'own.yaml'), 'schema: 1\nrules: [{ name: all, effect: allow }]\n');
    await keeper.policies();
    await watchOf({ ledgerProblem: away })();
    expect(await told()).toHaveLength(1);
    await watchOf()();
    expect((await told()).at(-1)).toBe('policy.alert keeper/policy_broken succeeded');
  });
});

describe('the policies in force', () => {
  it('are noted once, and again when others come into force; broken ones are not', async () => {
    const noted = async () => {
      const rows = await trail.store.db
        .selectFrom('audit_entries')
        .select('body')
        .where('kind', '=', 'policy.changed')
        .orderBy('position')
        .execute();
      return rows.map(({ body }) => (JSON.parse(body) as { data: object }).data);
    };
    const { digest: built_in } = await keeper.policies();
    await watchOf()();
    await watchOf()();
    const first = { digest: built_in, before: null, source: 'default', files: ['default.yaml'] };
    expect(await noted()).toEqual([first]);
    writeFileSync(join(policies(), 'own.yaml'), 'schema: 1\nrules: [{ name: all, effect: allow }]\n');
    const { digest } = await keeper.policies();
    const watch = watchOf();
    await watch();
    writeFileSync(join(policies(), 'own.yaml'), 'schema: 1\nrules: oops\n');
    await watch();
    expect(await noted()).toEqual([first, { digest, before: built_in, source: 'folder', files: ['own.yaml'] }]);
  });
});

async function hashOf(seq: number) {
  const row = await trail.store.db.selectFrom('audit_entries').select('hash').where('seq', '=', seq).executeTakeFirst();
  return row?.hash ?? null;
}

describe('the head of the keeper’s ledger', () => {
  const heads = () => createLedgerHeads({ store: trail.store, keeper, clock, log: silentLogger(), apart_ms: 1 });
  const noted = async () => {
    const rows = await trail.store.db
      .selectFrom('audit_entries')
      .select('body')
      .where('kind', '=', 'keeper.anchored')
      .execute();
    return rows.map(({ body }) => (JSON.parse(body) as { data: { seq: number; hash: string } }).data);
  };
  /** Something in the ledger that is no note of another chain. */
  const write = (text: string) =>
    writeFileSync(
      join(policies(), 'own.yaml'),
      `schema: 1\nrules: [{ name: all, effect: allow, description: ${text} }]\n`,
    );
  const decide = (text: string) => {
    now += 1_000;
    write(text);
    return keeper.policies();
  };
  const ledgerHead = async () => (await keeper.ledger({ after: 0, limit: 1 })).head;

  it('is noted when something was added, and not for what the keeper notes of the chain itself', async () => {
    await decide('one');
    const rounds = heads();
    await rounds.next();
    await rounds.next();
    expect(await noted()).toEqual([await ledgerHead()]);
    await keeper.anchor({ kind: 'audit', seq: 300, hash: (await hashOf(300))! });
    await rounds.next();
    expect(await noted()).toHaveLength(1);
    await decide('two');
    await rounds.next();
    expect((await noted()).at(-1)).toEqual(await ledgerHead());
    expect(await noted()).toHaveLength(2);
    expect(await checkLedger(trail.store, keeper)).toBeNull();
    await rounds.stop();
  });

  it.each(['cut back', 'put back from a copy and gone on with'])('names a ledger that was %s', async (what) => {
    await decide('one');
    keeper.close();
    const copy = join(trail.folder, 'copy.db');
    const path = join(folder(), 'ledger.db');
    const database = new DatabaseSync(path);
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    database.close();
    copyFileSync(path, copy);
    await open();
    await decide('two');
    const before = (await ledgerHead())!;
    const rounds = heads();
    await rounds.next();
    await trail.chain();
    keeper.close();
    for (const end of ['-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
    copyFileSync(copy, path);
    write('one');
    await open();
    if (what !== 'cut back') for (const text of ['three', 'four', 'five']) await decide(text);
    const later = heads();
    await later.next();
    // What is missing is not covered up by a newer note.
    expect(await noted()).toHaveLength(1);
    const problem = await checkLedger(trail.store, keeper);
    expect(problem).toMatchObject({ kind: 'keeper_ledger', seq: 301 });
    const words = what === 'cut back' ? `and number 301 of the audit chain noted ${before.seq}` : 'written anew';
    expect(problem!.message).toContain(words);
    await watchOf()();
    expect(await told()).toEqual(['audit.alert keeper/ledger failed']);
    await Promise.all([rounds.stop(), later.stop()]);
  });
});
