/** The folder of policies as a keeper finds it: changed, broken, emptied, gone; while it runs and when it starts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeeper, type Keeper } from '../keeper.ts';
import { deployProposal, makePerson, type Person } from '../testing/proposals.ts';

const allowAll = 'schema: 1\nrules:\n  - { name: all, effect: allow }\n';
const denyAll = 'schema: 1\nrules:\n  - { name: freeze, effect: deny, reason: Frozen. }\n';
const askOne = 'schema: 1\nrules:\n  - { name: ask, effect: require, require: { approvals: 1 } }\n';

let folder: string;
let policies: string;
let olga: Person;
const open: Keeper[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-policies-'));
  policies = join(folder, 'policies');
  mkdirSync(policies);
  olga = await makePerson('olga', 'owner');
});
const directory = () => join(folder, 'keeper');
const start = async () => {
  const keeper = await createKeeper({ directory: directory(), policies, poll_interval_ms: 50 });
  open.push(keeper);
  return keeper;
};
const stop = () => {
  for (const keeper of open.splice(0)) keeper.close();
};
afterEach(() => {
  stop();
  rmSync(folder, { recursive: true, force: true });
});
const write = (text: string, name = 'test.yaml') => writeFileSync(join(policies, name), text);
const decided = async (keeper: Keeper) => (await keeper.decide(await deployProposal(olga.actor))).decision;

describe('policy files', () => {
  it('take effect when they change, without anybody asking', async () => {
    write(allowAll);
    const keeper = await start();
    expect(await decided(keeper)).toBe('approved');
    write(denyAll);
    await vi.waitUntil(async () => (await decided(keeper)) === 'denied', { timeout: 10_000 });
  });

  it('that are broken leave the last good set in force, also over a restart, and a person is told', async () => {
    write(denyAll);
    const keeper = await start();
    write('schema: 1\nrules:\n  - { name: all, effect: perhaps }\n');
    const { error, rules } = await keeper.policies();
    expect(error).toMatchObject({
      file: 'test.yaml',
      message: expect.stringMatching(/^test\.yaml:3:\d+: "rules\.0\.effect"/),
    });
    expect(rules.map(({ name }) => name)).toEqual(['test/freeze']);
    expect(await keeper.alerts()).toMatchObject([{ kind: 'policy_broken' }]);
    stop();
    const again = await start();
    expect(await decided(again)).toBe('denied');
    expect(await again.alerts()).toMatchObject([{ kind: 'policy_broken' }]);
    write(allowAll);
    expect(await again.policies()).toMatchObject({ error: null, source: 'folder' });
    expect(await again.alerts()).toEqual([]);
    expect(await decided(again)).toBe('approved');
  });

  it('that were broken from the beginning allow nothing, and who asks is told the file, the line and the fix', async () => {
    write('schema: 1\nrules:\n  - { name: all, effect: perhaps }\n');
    const keeper = await start();
    expect(await keeper.decide(await deployProposal(olga.actor))).toMatchObject({
      decision: 'denied',
      reason: expect.stringMatching(/^No policies are in force, so nothing is allowed: test\.yaml:3:\d+: /),
      hint: expect.any(String),
    });
    expect(await keeper.alerts()).toMatchObject([{ kind: 'policy_broken' }]);
    write(allowAll);
    await keeper.policies();
    expect(await decided(keeper)).toBe('approved');
  });

  it('that are the first and broken leave the built-in set in force, also over a restart', async () => {
    const keeper = await start();
    write('rules: [');
    expect(await keeper.policies()).toMatchObject({ source: 'default', error: { file: 'test.yaml' } });
    stop();
    const again = await start();
    expect(await again.policies()).toMatchObject({ source: 'default', error: { file: 'test.yaml' } });
    expect(await decided(again)).toBe('approved');
  });

  it('whose folder is gone at a restart stay in force: the built-in set does not take their place', async () => {
    write(denyAll);
    await start();
    stop();
    rmSync(policies, { recursive: true });
    const again = await start();
    expect(await again.policies()).toMatchObject({
      source: 'folder',
      error: { message: expect.stringContaining('is not there'), hint: expect.stringContaining('empty folder') },
    });
    expect(await decided(again)).toBe('denied');
    mkdirSync(policies);
    stop();
    expect(await (await start()).policies()).toMatchObject({ source: 'default', error: null });
  });

  it('that this version does not take any more, as the last good set either, allow nothing and reject nothing that waits', async () => {
    write(askOne);
    const keeper = await start();
    const waiting = await deployProposal(olga.actor);
    await keeper.decide(waiting);
    stop();
    const database = new DatabaseSync(join(directory(), 'ledger.db'));
    database.exec("UPDATE meta SET value = replace(value, 'require', 'demand') WHERE key = 'policies'");
    database.close();
    write('rules: [');
    const again = await start();
    expect(await decided(again)).toBe('denied');
    expect(await again.decisionOf(waiting.operation_id)).toMatchObject({ decision: 'waiting' });
    write(allowAll);
    await again.policies();
    expect(await again.decisionOf(waiting.operation_id)).toMatchObject({ decision: 'approved' });
  });

  it('that are all taken away do not bring the built-in set back by themselves', async () => {
    write(denyAll);
    const keeper = await start();
    rmSync(join(policies, 'test.yaml'));
    expect(await keeper.policies()).toMatchObject({
      source: 'folder',
      error: { message: expect.stringContaining('empty') },
    });
    rmSync(policies, { recursive: true });
    expect(await keeper.policies()).toMatchObject({
      source: 'folder',
      error: { message: expect.stringContaining('is not there') },
    });
    expect(await decided(keeper)).toBe('denied');
  });

  it('are the built-in set where the folder is empty', async () => {
    expect(await (await start()).policies()).toMatchObject({ source: 'default', files: [{ name: 'default.yaml' }] });
  });

  it('that deny by now reject what waits; those that allow by now let it through when it is asked for', async () => {
    write(askOne);
    const keeper = await start();
    const [first, second] = [await deployProposal(olga.actor), await deployProposal(olga.actor)];
    await keeper.decide(first);
    await keeper.decide(second);
    write(denyAll);
    await keeper.policies();
    expect(await keeper.decisionOf(first.operation_id)).toMatchObject({
      decision: 'rejected',
      reason: 'The policies deny it by now: Frozen.',
    });
    write(allowAll);
    await keeper.policies();
    expect(await keeper.decisionOf(second.operation_id)).toMatchObject({ decision: 'approved', policy: 'test/all' });
    expect(await keeper.decisionOf(first.operation_id)).toMatchObject({ decision: 'rejected' });
  });
});
