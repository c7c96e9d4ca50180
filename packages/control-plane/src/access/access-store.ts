/**
 * How people are proven: sessions, API tokens and one-time sign-in links, all stored as SHA-256 digests only. A sign-in
 * link is used in one statement, so that two requests with it cannot both succeed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { newId } from '@mainstay/contract/ids';
import type { Actor } from '@mainstay/contract/operation';
import { isUniqueViolation, type Store } from '../store/store.ts';

export const session_lifetime_ms = 30 * 24 * 3_600_000;

export type KeyKind = 'session' | 'token' | 'sign_in_link';
const prefixes = { session: 'mss', token: 'mtk', sign_in_link: 'msl' } as const;

export function digestOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** Makes the owner where there is nobody; gives the owner's id. */
export async function ensureOwner(store: Store, now: number): Promise<string> {
  const find = () => store.db.selectFrom('users').select('id').where('role', '=', 'owner').executeTakeFirst();
  const owner = await find();
  if (owner) return owner.id;
  try {
    const id = newId('user', now);
    await store.batch([
      { query: store.db.insertInto('users').values({ id, name: 'owner', role: 'owner', created_at: now }) },
    ]);
    return id;
  } catch (error) {
    const other = isUniqueViolation(error) ? await find() : undefined;
    if (other) return other.id;
    throw error;
  }
}

/** A new random key and the statement that stores its digest. The key itself is given to the person, and kept nowhere. */
export function newKey(store: Store, kind: KeyKind, user_id: string, now: number, expires_at: number | null) {
  const key = `${prefixes[kind]}_${randomBytes(32).toString('base64url')}`;
  const row = { digest: digestOfKey(key), kind, user_id, created_at: now, expires_at, used_at: null };
  return { key, statement: { query: store.db.insertInto('access_keys').values(row) } };
}

/** The actor that a session or token stands for; null when it is unknown or has expired. */
export async function actorOfKey(
  store: Store,
  kind: 'session' | 'token',
  key: string,
  now: number,
): Promise<Actor | null> {
  const row = await store.db
    .selectFrom('access_keys')
    .innerJoin('users', 'users.id', 'access_keys.user_id')
    .select(['users.id', 'users.name', 'users.role', 'access_keys.expires_at'])
    .where('access_keys.digest', '=', digestOfKey(key))
    .where('access_keys.kind', '=', kind)
    .executeTakeFirst();
  if (!row || (row.expires_at !== null && row.expires_at <= now)) return null;
  return { kind: 'user', id: row.id, name: row.name, role: row.role, proof: kind };
}

/** Exchanges a sign-in link for a session; null when the link is unknown, used or expired. */
export async function useSignInLink(store: Store, link: string, now: number): Promise<string | null> {
  const digest = digestOfKey(link);
  const used = await store.db
    .updateTable('access_keys')
    .set({ used_at: now })
    .where('digest', '=', digest)
    .where('kind', '=', 'sign_in_link')
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('user_id')
    .executeTakeFirst();
  if (!used) return null;
  const session = newKey(store, 'session', used.user_id, now, now + session_lifetime_ms);
  await store.batch([session.statement]);
  return session.key;
}

export async function endSession(store: Store, key: string): Promise<void> {
  await store.db
    .deleteFrom('access_keys')
    .where('digest', '=', digestOfKey(key))
    .where('kind', '=', 'session')
    .execute();
}

/** Whether a token still stands for somebody. */
export async function isTokenValid(store: Store, token: string, now: number): Promise<boolean> {
  return (await actorOfKey(store, 'token', token, now)) !== null;
}

export async function pruneKeys(store: Store, now: number): Promise<void> {
  await store.db.deleteFrom('access_keys').where('expires_at', '<=', now).execute();
}
