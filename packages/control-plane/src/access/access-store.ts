/**
 * How people are proven: sessions, API tokens and one-time sign-in links, all stored as SHA-256 digests only. A sign-in
 * link is used in one statement, so that two requests with it cannot both succeed.
 */
import { createHash, randomBytes } from 'node:crypto';
import { newId } from '@mainstay/contract/ids';
import type { Actor, Role } from '@mainstay/contract/operation';
import { limitsOfAccess } from '@mainstay/contract/operations/access';
import type { Selectable } from 'kysely';
import type { Store } from '../store/store.ts';
import type { AccessTables } from './access-tables.ts';
import { roleOfKey } from './authorize.ts';

export const session_lifetime_ms = 30 * 24 * 3_600_000;
/** A key in use is noted this often at most, so that reads cost no write. */
export const last_used_every_ms = 60_000;
const user_agent_chars_max = 200;

export type KeyKind = 'session' | 'token' | 'sign_in_link';
const prefixes = { session: 'mss', token: 'mtk', sign_in_link: 'msl' } as const;

export type KeyRow = Selectable<AccessTables['access_keys']>;

/** Who asks, and by which session or token. */
export type Authenticated = { actor: Actor; key_id: string };

export type NewKey = {
  user_id: string;
  now: number;
  expires_at: number | null;
  name?: string;
  role?: Role | null;
  user_agent?: string | null;
};

export function digestOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/** A new random key and the statement that stores its digest. The key itself is given to the person, and kept nowhere. */
export function newKey(store: Store, kind: KeyKind, { user_id, now, expires_at, ...more }: NewKey) {
  const key = `${prefixes[kind]}_${randomBytes(32).toString('base64url')}`;
  const id = newId('access_key', now);
  const row: KeyRow = {
    id,
    digest: digestOfKey(key),
    kind,
    user_id,
    name: more.name ?? null,
    role: more.role ?? null,
    user_agent: more.user_agent ?? null,
    created_at: now,
    expires_at,
    used_at: null,
    last_used_at: null,
  };
  return { key, id, statement: { query: store.db.insertInto('access_keys').values(row) } };
}

/** Who a session or token stands for; null when it is unknown or has expired. Its use is noted. */
export async function authenticatedBy(
  store: Store,
  kind: 'session' | 'token',
  key: string,
  now: number,
): Promise<Authenticated | null> {
  const row = await store.db
    .selectFrom('access_keys')
    .innerJoin('users', 'users.id', 'access_keys.user_id')
    .select(['users.name', 'users.role', 'access_keys.user_id', 'access_keys.role as key_role'])
    .select(['access_keys.id as key_id', 'access_keys.expires_at', 'access_keys.last_used_at'])
    .where('access_keys.digest', '=', digestOfKey(key))
    .where('access_keys.kind', '=', kind)
    .executeTakeFirst();
  if (!row || (row.expires_at !== null && row.expires_at <= now)) return null;
  if (row.last_used_at === null || row.last_used_at <= now - last_used_every_ms) noteUse(store, row.key_id, now);
  const role = roleOfKey(row.role, row.key_role);
  return { actor: { kind: 'user', id: row.user_id, name: row.name, role, proof: kind }, key_id: row.key_id };
}

/** Whose a session or token was that has ended and is not forgotten yet. */
export async function ownerOfKey(store: Store, key: string): Promise<{ id: string; user: string } | null> {
  const row = await store.db
    .selectFrom('access_keys')
    .innerJoin('users', 'users.id', 'access_keys.user_id')
    .select(['access_keys.id', 'users.name as user'])
    .where('access_keys.digest', '=', digestOfKey(key))
    .executeTakeFirst();
  return row ?? null;
}

/** When the use of a key was last tried to be noted: in a store that is locked each try takes time, so that reads do not try each time. */
const tried = new WeakMap<Store, Map<string, number>>();
const tried_max = 10_000;

/** Nobody waits for it, and a store that cannot be written now does not stop a read. */
function noteUse(store: Store, id: string, now: number): void {
  const times = tried.get(store) ?? new Map<string, number>();
  if ((times.get(id) ?? Number.NEGATIVE_INFINITY) > now - last_used_every_ms) return;
  if (times.size >= tried_max) times.clear();
  tried.set(store, times.set(id, now));
  void store.db
    .updateTable('access_keys')
    .set({ last_used_at: now })
    .where('id', '=', id)
    .execute()
    .catch(() => {});
}

/** Exchanges a sign-in link for a session; null when the link is unknown, used or expired. */
export async function useSignInLink(
  store: Store,
  link: string,
  now: number,
  user_agent: string | null,
): Promise<{ key: string; user: { id: string; name: string } } | null> {
  const used = await store.db
    .updateTable('access_keys')
    .set({ used_at: now })
    .where('digest', '=', digestOfKey(link))
    .where('kind', '=', 'sign_in_link')
    .where('used_at', 'is', null)
    .where('expires_at', '>', now)
    .returning('user_id')
    .executeTakeFirst();
  if (!used) return null;
  const { user_id } = used;
  const user = await store.db.selectFrom('users').select(['id', 'name']).where('id', '=', user_id).executeTakeFirst();
  if (!user) return null;
  const expires_at = now + session_lifetime_ms;
  const session = newKey(store, 'session', { user_id, now, expires_at, user_agent: plainUserAgent(user_agent) });
  const kept = store.db
    .selectFrom('access_keys')
    .select('id')
    .where('user_id', '=', user_id)
    .where('kind', '=', 'session')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limitsOfAccess.sessions_of_user_max);
  const surplus = store.db
    .deleteFrom('access_keys')
    .where('user_id', '=', user_id)
    .where('kind', '=', 'session')
    .where('id', 'not in', kept);
  await store.batch([session.statement, { query: surplus }]);
  return { key: session.key, user };
}

function plainUserAgent(text: string | null): string | null {
  return text === null ? null : text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, user_agent_chars_max);
}

export async function endSession(store: Store, key: string): Promise<void> {
  await store.db
    .deleteFrom('access_keys')
    .where('digest', '=', digestOfKey(key))
    .where('kind', '=', 'session')
    .execute();
}

/** Whether a session or token still holds. */
export async function holdsKey(store: Store, id: string, now: number): Promise<boolean> {
  const row = await store.db.selectFrom('access_keys').select('expires_at').where('id', '=', id).executeTakeFirst();
  return row !== undefined && (row.expires_at === null || row.expires_at > now);
}

/** Whether a token still stands for somebody. */
export async function isTokenValid(store: Store, token: string, now: number): Promise<boolean> {
  return (await authenticatedBy(store, 'token', token, now)) !== null;
}

export async function pruneKeys(store: Store, now: number): Promise<void> {
  await store.db.deleteFrom('access_keys').where('expires_at', '<=', now).execute();
}
