import type { DesiredStateResponse } from '@mainstay/contract/agent-api';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { newId } from '@mainstay/contract/ids';
import { type PinnedKeys, pinKey } from '@mainstay/contract/key-changes';
import { contentDigest, planHash } from '@mainstay/contract/plan';
import { desiredState } from '@mainstay/contract/testing/desired-state';
import { beforeAll, expect, test } from 'vitest';
import type { StoredState } from '../state/desired-states.ts';
import { createStandInKeeper, type StandInKeeper, signOffer } from '../testing/stand-in-keeper.ts';
import { judgeDesiredState } from './acceptance.ts';

const server_id = newId('server');
const stack_id = newId('stack');
let keeper: StandInKeeper;
beforeAll(async () => {
  keeper = await createStandInKeeper();
});

const documentOf = (version: number, over: Partial<DesiredState> = {}) => desiredState({ stack_id, version, ...over });

const signed = (document: DesiredState, over: Parameters<StandInKeeper['sign']>[1] = {}, by = keeper) =>
  signOffer(by, document, { aud: [server_id], ...over });

type Memory = {
  accepted: StoredState | null;
  nonces: Map<string, { stack_id: string; version: number; sha256: string }>;
};
const empty = (): Memory => ({ accepted: null, nonces: new Map() });

const judge = (response: DesiredStateResponse | null, memory = empty(), pinned: PinnedKeys = pinKey(keeper.key)) =>
  judgeDesiredState(response, {
    server_id,
    keeper: pinned,
    desired: {
      accepted: () => memory.accepted,
      seen: (jti) => memory.nonces.get(jti) ?? null,
      receipt: () => null,
      highest: (stack_id) => (memory.accepted?.stack_id === stack_id ? memory.accepted.version : 0),
    },
    now_ms: Date.now(),
  });

const refusal = async (response: DesiredStateResponse | null, memory?: Memory) => {
  const judgement = await judge(response, memory);
  return judgement.kind === 'refused' ? judgement.refusal.reason : judgement.kind;
};

async function accept(memory: Memory, response: DesiredStateResponse): Promise<void> {
  const judgement = await judge(response, memory);
  if (judgement.kind !== 'accepted') throw new Error(`it was ${judgement.kind}`);
  memory.accepted = judgement.state;
  memory.nonces.set(judgement.grant.jti, judgement.state);
}

test('what the keeper signed for this server is accepted', async () => {
  expect(await refusal(await signed(documentOf(1)))).toBe('accepted');
});

test('a document that was changed after it was signed is refused, with and without a new digest', async () => {
  const response = await signed(documentOf(1));
  const changed = documentOf(1, { stack: 'evil' });
  expect(await refusal({ ...response, document: changed })).toBe('tampered');
  expect(await refusal({ ...response, document: changed, sha256: await desiredStateDigest(changed) })).toBe('tampered');
});

test('fields that the schema does not know are refused, and so is what is no document', async () => {
  const response = await signed(documentOf(1));
  const extra = { ...response.document, run_as: 'root' } as unknown as DesiredState;
  expect(await refusal({ ...response, document: extra })).toBe('malformed');
  expect(await refusal(null)).toBe('malformed');
});

test('a grant for another server, for something else, or for another version is refused', async () => {
  expect(await refusal(await signed(documentOf(1), { aud: [newId('server')] }))).toBe('wrong_target');
  const { sha256, ...rest } = await signed(documentOf(1));
  const enrolment = await keeper.sign({ kind: 'enrolment', server_id, stack_id }, { aud: [server_id] });
  expect(await refusal({ ...rest, sha256, grant: enrolment })).toBe('wrong_action');
  const other = await keeper.sign({ kind: 'desired_state', stack_id, version: 2, sha256 }, { aud: [server_id] });
  expect(await refusal({ ...rest, sha256, grant: other })).toBe('wrong_action');
});

test('an expired grant is refused, and so is one from the future, in words that name the clock', async () => {
  const now = Math.floor(Date.now() / 1000);
  const expired = await judge(await signed(documentOf(1), { iat: now - 7_200, exp: now - 3_600 }));
  expect(expired).toMatchObject({ refusal: { reason: 'expired', message: expect.stringContaining('clock') } });
  expect(await refusal(await signed(documentOf(1), { iat: now + 3_600, exp: now + 7_200 }))).toBe('not_yet_valid');
});

test('a key that is not pinned is refused, also one that claims the id of a pinned one', async () => {
  const stranger = await createStandInKeeper();
  expect(await refusal(await signed(documentOf(1), {}, stranger))).toBe('unknown_key');
  const response = await signed(documentOf(1), {}, stranger);
  const [, payload, signature] = response.grant.split('.');
  const header = Buffer.from(JSON.stringify({ alg: 'EdDSA', kid: keeper.key.kid })).toString('base64url');
  expect(await refusal({ ...response, grant: `${header}.${payload}.${signature}` })).toBe('bad_signature');
  const none = Buffer.from(JSON.stringify({ alg: 'none', kid: keeper.key.kid })).toString('base64url');
  expect(await refusal({ ...response, grant: `${none}.${payload}.` })).toBe('malformed');
});

test('what was accepted is known ever after, whatever becomes of its grant', async () => {
  const memory = empty();
  const response = await signed(documentOf(3));
  await accept(memory, response);
  expect(await refusal(response, memory)).toBe('known');
  const now = Math.floor(Date.now() / 1000);
  const stale = await signed(documentOf(3), { iat: now - 7_200, exp: now - 3_600 });
  expect(await refusal(stale, memory)).toBe('known');
});

test('a lower version is refused, and an old grant is no way back to it', async () => {
  const memory = empty();
  const second = await signed(documentOf(2));
  await accept(memory, second);
  await accept(memory, await signed(documentOf(3)));
  expect(await refusal(await signed(documentOf(2)), memory)).toBe('lower_version');
  expect(await refusal(await signed(documentOf(3, { stack: 'other' })), memory)).toBe('lower_version');
  // The same grant with the same document changes nothing and is no fault.
  expect(await refusal(second, memory)).toBe('known');
});

test('a nonce is taken once', async () => {
  const memory = empty();
  const jti = 'a'.repeat(32);
  await accept(memory, await signed(documentOf(1), { jti }));
  expect(await refusal(await signed(documentOf(2), { jti }), memory)).toBe('replayed');
});

test('a server that is assigned another stack takes it at any version', async () => {
  const memory = empty();
  await accept(memory, await signed(documentOf(9)));
  const other = documentOf(1, { stack_id: newId('stack'), stack: 'blog' });
  expect(await refusal(await signed(other), memory)).toBe('accepted');
});

test('a document that names its targets is for those: who runs the stack and is none stops it and keeps its data, who does not refuses it', async () => {
  const others = { targets: [newId('server')] };
  expect(await refusal(await signed(documentOf(1, others)))).toBe('wrong_target');
  const memory = empty();
  await accept(memory, await signed(documentOf(1, { targets: [server_id] })));
  const left = await judge(await signed(documentOf(2, others)), memory);
  expect(left).toMatchObject({ kind: 'accepted', state: { version: 2, document: { services: {} } } });
  expect(left).toHaveProperty('state.document.removed', { delete_data: false });
});

test('without the plan that was approved, or with another one, nothing new is accepted', async () => {
  const response = await signed(documentOf(1));
  expect(await refusal({ ...response, plan: null })).toBe('plan_missing');
  const shown = { ...response.plan!, changes: [{ action: 'update', path: 'proxy.port', to: 80 } as const] };
  expect(await refusal({ ...response, plan: shown })).toBe('wrong_plan');
  // Also when the signature itself names a plan that shows something else than the document.
  const other = { ...response.plan!, content_sha256: '0'.repeat(64) };
  expect(await refusal({ ...(await signed(documentOf(1), { plan_hash: await planHash(other) })), plan: other })).toBe(
    'wrong_plan',
  );
});

test('an operation that is taken back brings the content that its own plan names for that, and no other', async () => {
  const [before, after] = [documentOf(1), documentOf(2, { poll_interval_seconds: 61 })];
  const plan = { ...(await signed(after)).plan!, undo_sha256: await contentDigest(before) };
  const plan_hash = await planHash(plan);
  const memory = empty();
  await accept(memory, await signed(before));
  await accept(memory, { ...(await signed(after, { plan_hash })), plan });
  const back = async (document: DesiredState) => ({ ...(await signed(document, { plan_hash })), plan });
  expect(await refusal(await back(before), memory), 'versions only rise').toBe('lower_version');
  expect(await refusal(await back(documentOf(3, { poll_interval_seconds: 62 })), memory)).toBe('wrong_plan');
  expect(await refusal(await back({ ...before, version: 3 }), memory)).toBe('accepted');
  // A plan that names nothing allows nothing but what it shows.
  const { undo_sha256: _, ...plain } = plan;
  const unnamed = { ...(await signed({ ...before, version: 3 }, { plan_hash: await planHash(plain) })), plan: plain };
  expect(await refusal(unnamed, memory)).toBe('wrong_plan');
});

test('what was accepted needs no plan to be known again', async () => {
  const memory = empty();
  const response = await signed(documentOf(1));
  await accept(memory, response);
  expect(await refusal({ ...response, plan: null }, memory)).toBe('known');
});

test('a key that retires is taken until its time, and one that was revoked never, in words that say so', async () => {
  const next = await createStandInKeeper();
  const until = Math.floor(Date.now() / 1000) + 60;
  const pinned = { ...pinKey(next.key), seq: 1, retiring: [{ ...keeper.key, until }] };
  const kinds = async (pins: PinnedKeys) => (await judge(await signed(documentOf(1)), empty(), pins)).kind;
  expect(await kinds(pinned)).toBe('accepted');
  expect(await kinds({ ...pinned, retiring: [{ ...keeper.key, until: until - 120 }] })).toBe('refused');
  const revoked = await judge(await signed(documentOf(1)), empty(), { ...pinned, revoked: [keeper.key.kid] });
  expect(revoked).toMatchObject({ refusal: { reason: 'revoked_key', message: expect.stringContaining('revoked') } });
});
