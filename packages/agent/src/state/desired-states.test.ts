import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { DesiredStateResponse } from '@mainstay/contract/agent-api';
import { newId } from '@mainstay/contract/ids';
import { pinKey } from '@mainstay/contract/key-changes';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { judgeDesiredState } from '../reconciler/acceptance.ts';
import { runningReceipt } from '../reconciler/receipts.ts';
import { createStandInKeeper, type StandInKeeper, signOffer } from '../testing/stand-in-keeper.ts';
import { nonces_kept_max, receipts_kept_max } from './desired-states.ts';
import { openState, type State } from './state.ts';

const server_id = newId('server');
const stack_id = newId('stack');
let home: string;
let state: State;
let keeper: StandInKeeper;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'mainstay-desired-'));
  state = openState(home);
  keeper = await createStandInKeeper();
});
afterEach(() => {
  state.close();
  rmSync(home, { recursive: true, force: true });
});

const offer = (version: number, stack = stack_id) =>
  signOffer(keeper, desiredState({ stack_id: stack, version }), { aud: [server_id] });

const judge = (response: DesiredStateResponse) =>
  judgeDesiredState(response, { server_id, keeper: pinKey(keeper.key), desired: state.desired, now_ms: Date.now() });

/** Accepts an offer and settles it, as the reconciler does. */
async function take(response: DesiredStateResponse, finished_at: number): Promise<void> {
  const judgement = await judge(response);
  if (judgement.kind !== 'accepted') throw new Error(`it was ${JSON.stringify(judgement)}`);
  const receipt = runningReceipt(judgement.state);
  state.desired.accept(judgement.state, judgement.grant, receipt);
  state.desired.saveReceipt(response.document.stack_id, { ...receipt, state: 'succeeded', finished_at });
}

function restart(): void {
  state.close();
  state = openState(home);
}

function count(table: 'nonces' | 'receipts'): number {
  const database = new DatabaseSync(join(home, 'journal.sqlite'), { readOnly: true });
  const { n } = database.prepare(`SELECT COUNT(*) AS n FROM ${table}`).get() as { n: number };
  database.close();
  return n;
}

test('a replay gives the first receipt, also after a restart, and of each version its own', async () => {
  const [first, second] = [await offer(1), await offer(2)];
  await take(first, 111);
  expect(await judge(first)).toMatchObject({ kind: 'known', receipt: { version: 1, finished_at: 111 } });
  await take(second, 222);
  restart();
  expect(await judge(second)).toMatchObject({ kind: 'known', receipt: { version: 2, finished_at: 222 } });
  expect(await judge(first)).toMatchObject({ kind: 'known', receipt: { version: 1, finished_at: 111 }, state: null });
  expect(state.desired.accepted()?.version).toBe(2);
});

test('receipts are bounded, and a replay whose receipt is gone is no reason to run it again', async () => {
  const first = await offer(1);
  await take(first, 1);
  for (let version = 2; version <= receipts_kept_max + 5; version++) await take(await offer(version), version);
  expect(count('receipts')).toBe(receipts_kept_max);
  restart();
  expect(await judge(first)).toMatchObject({ kind: 'known', receipt: null, state: null });
  expect(state.desired.accepted()?.version).toBe(receipts_kept_max + 5);
});

test('a lower version is refused also of a stack that was here long ago', async () => {
  await take(await offer(7), 1);
  const other = newId('stack');
  for (let version = 1; version <= receipts_kept_max + 5; version++) await take(await offer(version, other), version);
  restart();
  expect(await judge(await offer(6))).toMatchObject({ kind: 'refused', refusal: { reason: 'lower_version' } });
  expect(await judge(await offer(8))).toMatchObject({ kind: 'accepted' });
});

test('nonces are bounded', async () => {
  const database = new DatabaseSync(join(home, 'journal.sqlite'));
  const expires_at = Date.now() + 3_600_000;
  database.exec('BEGIN');
  const insert = database.prepare('INSERT INTO nonces VALUES (?, ?, ?, ?, ?)');
  for (let index = 0; index < nonces_kept_max + 50; index++)
    insert.run(`nonce-${index}`, stack_id, 1, '0'.repeat(64), expires_at + index);
  database.exec('COMMIT');
  database.close();
  const newest = await offer(2);
  await take(newest, 1);
  expect(count('nonces')).toBe(nonces_kept_max + 1);
  expect(await judge(newest)).toMatchObject({ kind: 'known' });
});
