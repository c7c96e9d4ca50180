import { createPrivateKey, sign } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { digestOf } from '@mainstay/contract/canonical';
import { newId } from '@mainstay/contract/ids';
import { keeperOperations, planHash, signing_key_target } from '@mainstay/contract/keeper-api';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createKeeper, type Keeper, type KeeperOptions } from './keeper.ts';
import { deployProposal, makePerson, type Person, plainProposal, wordOn } from './testing/proposals.ts';

const allowAll = 'schema: 1\nrules:\n  - { name: all, effect: allow }\n';

let folder: string;
let policies: string;
let now: number;
let olga: Person;
let anna: Person;
const open: Keeper[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
  policies = join(folder, 'policies');
  mkdirSync(policies);
  now = 1_760_000_000_000;
  olga = await makePerson('olga', 'owner');
  anna = await makePerson('anna', 'approver');
});
afterEach(() => {
  for (const keeper of open.splice(0)) keeper.close();
  rmSync(folder, { recursive: true, force: true });
});

const directory = () => join(folder, 'keeper');
const start = async (options: Partial<KeeperOptions> = {}) => {
  const keeper = await createKeeper({
    directory: directory(),
    policies,
    now: () => now,
    poll_interval_ms: 50,
    ...options,
  });
  open.push(keeper);
  return keeper;
};
const stop = () => {
  for (const keeper of open.splice(0)) keeper.close();
};
const write = (text: string, name = 'test.yaml') => writeFileSync(join(policies, name), text);
const decided = async (keeper: Keeper) => (await keeper.decide(await deployProposal(olga.actor))).decision;

describe('a maintenance window', () => {
  it('holds what is approved until it opens, and expires after that', async () => {
    write(`schema: 1
rules:
  - name: sunday
    effect: require
    require: { approvals: 1, expires_seconds: 3600, window: { days: [sun], from: '02:00', to: '04:00', time_zone: UTC } }
`);
    now = Date.parse('2026-07-03T12:00:00Z');
    const opens = Date.parse('2026-07-05T02:00:00Z');
    const keeper = await start();
    const proposal = await deployProposal(olga.actor);
    const waits = { decision: 'waiting', requirement: { not_before: opens, expires_at: opens + 3_600_000 } };
    expect(await keeper.decide(proposal)).toMatchObject(waits);
    expect(await keeper.speak(await wordOn(proposal, 'approve', anna.actor))).toMatchObject(waits);
    now = opens - 1;
    expect(await keeper.decisionOf(proposal.operation_id)).toMatchObject(waits);
    now = opens;
    expect(await keeper.decisionOf(proposal.operation_id)).toMatchObject({ decision: 'approved' });
  });
});

describe('the ledger', () => {
  const signedIn = (path: string) => {
    const sql = new DatabaseSync(path, { readOnly: true });
    const { n } = sql.prepare('SELECT count(*) AS n FROM ledger WHERE jws_sha256 IS NOT NULL').get() as { n: number };
    sql.close();
    return n;
  };
  const path = () => join(directory(), 'ledger.db');

  it('that cannot grow lets nothing be signed, and says why', async () => {
    write(allowAll);
    const keeper = await start({ ledger_bytes_max: 160 * 1024 });
    let failure: unknown = null;
    let approved = 0;
    for (let round = 0; round < 500 && failure === null; round++) {
      await decided(keeper).then(
        () => approved++,
        (error: unknown) => {
          failure = error;
        },
      );
    }
    expect(failure).toMatchObject({ code: 'Unavailable', message: expect.stringContaining('disk is full') });
    expect(approved).toBeGreaterThan(0);
    expect(signedIn(path())).toBe(approved);
    expect(await keeper.verifyLedger()).toMatchObject({ ok: true });
  });

  it('that another process holds lets nothing be signed, and goes on when it is free', async () => {
    write(allowAll);
    const keeper = await start();
    const other = new DatabaseSync(path());
    other.exec('BEGIN IMMEDIATE');
    const proposal = await deployProposal(olga.actor);
    await expect(keeper.decide(proposal)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/locked/),
    });
    other.exec('ROLLBACK');
    other.close();
    expect(signedIn(path())).toBe(0);
    expect(await keeper.decide(proposal)).toMatchObject({ decision: 'approved' });
  });

  it.each([
    ['edited', `UPDATE ledger SET body = replace(body, 'olga', 'anna') WHERE seq = 3`, 3, /edited/],
    ['deleted', 'DELETE FROM ledger WHERE seq = 3', 3, /missing/],
    ['given another time', 'UPDATE ledger SET at = at + 1 WHERE seq = 4', 4, /edited/],
    [
      'exchanged',
      'UPDATE ledger SET seq = -seq WHERE seq IN (3, 4); UPDATE ledger SET seq = 7 + seq WHERE seq < 0',
      3,
      /./,
    ],
    ['cut off', 'DELETE FROM ledger WHERE seq >= 4', 4, /cut off/],
    [
      'added',
      `INSERT INTO ledger SELECT seq + 1, at, kind, operation_id, body, hash, hash, jws_sha256 FROM ledger ORDER BY seq DESC LIMIT 1`,
      6,
      /./,
    ],
  ])('names the entry that was %s', async (_, tampering, seq, message) => {
    write(allowAll);
    const keeper = await start();
    for (let round = 0; round < 4; round++) await decided(keeper);
    expect(await keeper.verifyLedger()).toMatchObject({ ok: true, entries: 5, head: { seq: 5 } });
    const other = new DatabaseSync(path());
    other.exec(tampering);
    other.close();
    expect(await keeper.verifyLedger()).toMatchObject({
      ok: false,
      problem: { seq, message: expect.stringMatching(message) },
    });
  });

  it('names an entry that was added with a hash that fits, because it is not signed', async () => {
    write(allowAll);
    const keeper = await start();
    for (let round = 0; round < 2; round++) await decided(keeper);
    const last = (await keeper.ledger({})).entries.at(-1)!;
    const { hash: previous } = last;
    const added = { seq: 4, at: now, kind: 'approved', operation_id: null, body: {}, previous, jws_sha256: null };
    const other = new DatabaseSync(path());
    other
      .prepare("INSERT INTO ledger VALUES (4, ?, 'approved', NULL, '{}', ?, ?, NULL)")
      .run(now, previous, await digestOf(added));
    other.close();
    expect(await keeper.verifyLedger()).toMatchObject({
      ok: false,
      problem: { seq: 4, message: expect.stringContaining('not signed') },
    });
  });

  it('that was lost is told, and the key that servers know stays', async () => {
    write(allowAll);
    const [key] = await (await start()).keys();
    stop();
    for (const name of readdirSync(directory())) if (name.startsWith('ledger')) rmSync(join(directory(), name));
    const keeper = await start();
    expect(await keeper.keys()).toEqual([key]);
    expect(await keeper.alerts()).toMatchObject([{ kind: 'ledger_lost' }]);
  });

  it('is read by the page', async () => {
    write(allowAll);
    const keeper = await start();
    for (let round = 0; round < 4; round++) await decided(keeper);
    const { entries, head } = await keeper.ledger({ after: 2, limit: 2 });
    expect(entries.map(({ seq, kind }) => [seq, kind])).toEqual([
      [3, 'approved'],
      [4, 'approved'],
    ]);
    expect(head?.seq).toBe(5);
    await expect(keeper.ledger({ limit: 1_001 })).rejects.toMatchObject({ code: 'InvalidInput', field: 'limit' });
  });
});

describe('a restart', () => {
  it('forgets neither what waits, nor who spoke, nor which statements were used', async () => {
    write(`schema: 1
rules:
  - { name: two, match: { operations: [stacks.deploy] }, effect: require, require: { approvals: 2 } }
  - { name: sure, match: { operations: ['*.remove'] }, effect: require, require: { confirmation: true, proof: signed } }
`);
    const keeper = await start();
    await keeper.registerKey(olga.registration);
    const proposal = await deployProposal(olga.actor);
    await keeper.decide(proposal);
    await keeper.speak(await wordOn(proposal, 'approve', anna.actor));
    const removal = plainProposal(olga.actor, 'servers.remove', 'server/web1');
    removal.proof = await olga.sign({ says: 'propose', about: await planHash(removal.plan) }, now);
    expect(await keeper.decide(removal)).toMatchObject({ decision: 'approved' });
    stop();
    const again = await start();
    expect(await again.decisionOf(proposal.operation_id)).toMatchObject({ approvals: [{ actor: { name: 'anna' } }] });
    const replayed = { ...removal, operation_id: newId('operation') };
    expect(await again.decide(replayed)).toMatchObject({
      decision: 'denied',
      reason: expect.stringContaining('used before'),
    });
    const axel = await makePerson('axel', 'admin');
    expect(await again.speak(await wordOn(proposal, 'approve', axel.actor))).toMatchObject({ decision: 'approved' });
  });
});

describe('a signing key', () => {
  const exchange = async (keeper: Keeper, operation: string, target: string) => {
    const decision = await keeper.decide(plainProposal(olga.actor, operation, target));
    if (decision.decision !== 'approved') throw new Error(JSON.stringify(decision));
    return decision.grant;
  };

  it('that was stolen and revoked opens nothing, but for what the ledger knows it signed', async () => {
    write(allowAll);
    const keeper = await start();
    const [old] = await keeper.keys();
    const stolen = createPrivateKey(readFileSync(join(directory(), 'keys', `${old!.kid}.pem`)));
    const proposal = await deployProposal(olga.actor);
    const decision = await keeper.decide(proposal);
    const { stack_id } = proposal.document!;
    const server_id = newId('server');
    const enrolled = await keeper.decide({
      ...plainProposal(olga.actor, 'servers.assign', 'server/web1'),
      action: { kind: 'enrolment', server_id, stack_id },
    });
    if (decision.decision !== 'approved' || enrolled.decision !== 'approved') throw new Error('denied');
    await keeper.rotateSigningKey({ grant: await exchange(keeper, keeperOperations.rotate, signing_key_target) });
    expect(readdirSync(join(directory(), 'keys'))).toEqual([`${(await keeper.keys())[0]!.kid}.pem`]);
    const [head, payload] = decision.grant.split('.') as [string, string];
    const changed = { ...JSON.parse(Buffer.from(payload, 'base64url').toString()), jti: 'f'.repeat(32) };
    const text = `${head}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}`;
    const forged = `${text}.${sign(null, Buffer.from(text), stolen).toString('base64url')}`;
    const reissue = (grant: string) => keeper.reissue({ grant, server_id, enrolment_grant: enrolled.grant });
    // While it only retires, what it signed counts.
    expect(await reissue(forged)).toMatchObject({ decision: 'approved' });
    const target = `${signing_key_target}/${old!.kid}`;
    await keeper.revokeSigningKey({ grant: await exchange(keeper, keeperOperations.revoke, target) });
    expect(await reissue(forged)).toMatchObject({ decision: 'denied' });
    expect(await reissue(decision.grant)).toMatchObject({ decision: 'approved' });
  });

  it('whose rotation was cut short by a crash is not taken up', async () => {
    write(allowAll);
    const [key] = await (await start()).keys();
    stop();
    copyFileSync(join(directory(), 'keys', `${key!.kid}.pem`), join(directory(), 'keys', `${'0'.repeat(64)}.pem`));
    expect(await (await start()).keys()).toEqual([key]);
    expect(readdirSync(join(directory(), 'keys'))).toEqual([`${key!.kid}.pem`]);
  });

  it('that was exchanged by another keeper on the same folder signs nothing any more', async () => {
    write(allowAll);
    const [one, two] = [await start(), await start()];
    await two.rotateSigningKey({ grant: await exchange(two, keeperOperations.rotate, signing_key_target) });
    await expect(decided(one)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(await decided(two)).toBe('approved');
  });
});
