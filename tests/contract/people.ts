/**
 * The people of a fixture: of the owner, sessions, tokens and keys that nobody needs; and another person, whose key waits, and who
 * proposes what the owner has a word on.
 */
import { type Client, createClient } from '@mainstay/contract/client';
import type { OperationView } from '@mainstay/contract/operation';
import { newDeviceKey, openDeviceKey, type PersonKey, type PersonSigner } from '@mainstay/contract/proof';

type Keys = {
  /** The first key of all, which is the owner's. */
  owner: PersonSigner;
  owner_id: string;
  /** Another person's, which waits. */
  pending: string;
  /** Of the owner's: one to be revoked, one that was, and one that nobody knows yet. */
  spare: string;
  revoked: PersonSigner;
  new: PersonKey;
};

export type PeopleOfFixture = {
  /** Sessions and tokens of the owner that nobody needs: one to be ended, and one that stays. */
  session_ids: [string, string];
  token_ids: [string, string];
  dora_id: string;
  keys: Keys;
};

type Word = { id: string; plan_hash: string };

/** Operations that wait, to be spoken on: those to approve and to reject are another person's, the others the owner's own. */
export type Waiting = {
  approve: Word;
  reject: Word;
  confirm: Word;
  cancel: Word;
  /** Had to wait and is carried out; its result waits to be collected. */
  collect: Word;
};

export async function makePeople(url: string, client: Client): Promise<PeopleOfFixture & { dora: Client }> {
  await client['access.create_user']({ name: 'bob', role: 'viewer' });
  await client['access.create_user']({ name: 'leaver', role: 'deployer' });
  const token = async (name: string) => (await client['access.create_token']({ name, role: 'viewer' })).result!.id;
  const token_ids: [string, string] = [await token('spare'), await token('kept')];
  for (let round = 0; round < 2; round += 1) {
    await signIn(url, (await client['access.create_sign_in_link']({})).result!.url!);
  }
  const { sessions } = await client['access.list_sessions']({});
  const { result } = await client['access.create_user']({ name: 'dora', role: 'deployer' });
  const dora = createClient({ url, token: await tokenOf(url, await signIn(url, result!.url!)) });
  const { actor } = await dora['system.whoami']({});
  const keys = await makeKeys(client, dora);
  return { session_ids: [sessions[0]!.id, sessions[1]!.id], token_ids, dora, dora_id: actor.id, keys };
}

/** Signs in with a link; gives the cookie of the session. */
async function signIn(url: string, link: string): Promise<string> {
  const response = await fetch(`${url}/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ key: link.split('#sign-in=')[1] }),
  });
  if (!response.ok) throw new Error(`signing in: ${response.status} ${await response.text()}`);
  return response.headers.get('set-cookie')!.split(';')[0]!;
}

async function tokenOf(url: string, Cookie: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/access/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', Cookie },
    body: JSON.stringify({ name: 'hers' }),
  });
  if (!response.ok) throw new Error(`making a token: ${response.status} ${await response.text()}`);
  return ((await response.json()) as { result: { token: string } }).result.token;
}

async function makeKeys(client: Client, dora: Client): Promise<Keys> {
  const newSigner = async () => openDeviceKey(await newDeviceKey(), Date.now);
  const [owner, pending, spare, revoked, another] = await Promise.all([1, 2, 3, 4, 5].map(newSigner));
  const { key } = await client['keys.register']({ name: 'first', key: owner!.public_key });
  if (key.state !== 'admitted') throw new Error(`the first key is ${key.state}`);
  const owner_id = key.user_id;
  await dora['keys.register']({ name: 'hers', key: pending!.public_key });
  await client['keys.register']({ name: 'spare', key: spare!.public_key });
  await client['keys.register']({ name: 'revoked', key: revoked!.public_key });
  const proof = await owner!.sign({ says: 'revoke_key', user_id: owner_id, about: revoked!.id, operation_id: null });
  await client['keys.revoke']({ key_id: revoked!.id, proof });
  return {
    owner: owner!,
    owner_id,
    pending: pending!.id,
    spare: spare!.id,
    revoked: revoked!,
    new: another!.public_key,
  };
}

export async function waitingOperations(client: Client, dora: Client): Promise<Waiting> {
  const held = async (answer: Promise<{ operation: OperationView }>): Promise<Word> => {
    const { operation } = await answer;
    if (operation.state !== 'waiting') throw new Error(`${operation.operation} does not wait: ${operation.state}`);
    return { id: operation.id!, plan_hash: operation.plan.hash };
  };
  const pausing = { stack: 'broken', reason: 'A sale' };
  const collect = await held(client['stacks.enable_webhook']({ stack: 'broken' }));
  await client['operations.confirm'](collect);
  const { operation } = await client['operations.get']({ id: collect.id, wait_seconds: 30 });
  if (operation.state !== 'succeeded') throw new Error(`what was confirmed is ${operation.state}`);
  return {
    approve: await held(dora['stacks.pause'](pausing)),
    reject: await held(dora['stacks.pause'](pausing)),
    confirm: await held(client['stacks.pause'](pausing)),
    cancel: await held(client['stacks.pause'](pausing)),
    collect,
  };
}
