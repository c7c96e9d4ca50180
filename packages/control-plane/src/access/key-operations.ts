/**
 * What the operations on keys do: sign-in links, sessions, API tokens. One's own are one's own; with those of others, owners and
 * admins may do this too, but never with keys that may do more than they.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Actor, Permission } from '@mainstay/contract/operation';
import { limitsOfAccess } from '@mainstay/contract/operations/access';
import { operations } from '@mainstay/contract/operations/index';
import { auditEntry, type NewAuditEntry } from '../audit/audit-entry.ts';
import type { Context } from '../context.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import { type Approved, asked_with_key } from '../operations/planned.ts';
import type { Store } from '../store/store.ts';
import { type KeyKind, type KeyRow, newKey } from './access-store.ts';
import { roleOfKey } from './authorize.ts';
import { newSignInLink } from './sign-in-link.ts';
import { checkNotAbove, type Standing, standingOf } from './standing.ts';
import { getUser, getUserById, type UserRow } from './user-store.ts';

export const keyHandlers: Handler[] = [
  changes(operations['access.create_sign_in_link'], async (context, input, actor) => {
    const { store, clock } = context;
    const { user, asking } = await personMeant(store, actor, 'access:write', input.user);
    checkNotAbove(user.role, asking, 'user');
    if ((await endOfAskingToken(context, actor)) !== null) {
      throw new AppError('Forbidden', 'A token that ends makes no sign-in link: the session would outlive it.', {
        hint: 'Sign in, or use a token that holds until it is revoked.',
      });
    }
    const open = (await keysOf(store, 'sign_in_link', user.id, clock.now())).filter(({ used_at }) => used_at === null);
    if (open.length >= limitsOfAccess.open_links_of_user_max) {
      throw new AppError('Conflict', `${user.name} has ${open.length} sign-in links that nobody used yet.`, {
        field: 'user',
        hint: 'Use one of them, or wait until they have expired.',
      });
    }
    return {
      summary: `Make a one-time sign-in link for ${user.name}`,
      target: `user/${user.id}`,
      base: 0,
      changes: [{ action: 'create', path: 'sign_in_link', note: `works for ${input.expires_seconds} s, once` }],
      action: { kind: 'control_plane' },
      carryOut: (approved) => {
        const { statement, ...results } = newSignInLink(context, user.id, approved.now, input.expires_seconds);
        const entry = entryOf(store, approved, 'access.link_created', user, {});
        return { statements: [statement, entry], ...results };
      },
    };
  }),

  reads(operations['access.list_sessions'], async ({ store, clock }, input, { actor, key_id }) => {
    const { user, asking } = await personMeant(store, actor, 'access:read', input.user);
    checkNotAbove(user.role, asking, 'user');
    const rows = await keysOf(store, 'session', user.id, clock.now());
    return {
      sessions: rows
        .slice(0, limitsOfAccess.sessions_of_user_max)
        .map(({ id, user_agent, created_at, last_used_at, expires_at }) => ({
          id,
          user: user.name,
          user_agent,
          created_at,
          last_used_at,
          expires_at: expires_at ?? created_at,
          is_current: id === key_id,
        })),
    };
  }),

  changes(operations['access.end_session'], async ({ store, clock }, { id }, actor) => {
    const { user } = await keyMeant(store, 'session', id, actor, clock.now());
    return {
      summary: `End a session of ${user.name}`,
      target: `session/${id}`,
      base: 0,
      changes: [{ action: 'delete', path: `sessions.${id}` }],
      action: { kind: 'control_plane' },
      carryOut: (approved) => ({
        statements: [
          deleteKey(store, id),
          entryOf(store, approved, 'access.key_revoked', user, { kind: 'session', id }),
        ],
        signals: ['access'],
      }),
    };
  }),

  reads(operations['access.list_tokens'], async ({ store, clock }, input, { actor, key_id }) => {
    const { user, asking } = await personMeant(store, actor, 'access:read', input.user);
    checkNotAbove(user.role, asking, 'user');
    const rows = await keysOf(store, 'token', user.id, clock.now());
    return {
      tokens: rows.slice(0, limitsOfAccess.tokens_of_user_max).map((row) => ({
        id: row.id,
        user: user.name,
        name: row.name ?? '',
        role: roleOfKey(user.role, row.role),
        created_at: row.created_at,
        last_used_at: row.last_used_at,
        expires_at: row.expires_at,
        is_current: row.id === key_id,
      })),
    };
  }),

  changes(operations['access.create_token'], async (context, { name, role, expires_seconds }, actor) => {
    const { store, clock } = context;
    const asking = await standingOf(store, actor, 'access:write', null);
    const { user } = asking;
    if (role !== undefined) checkNotAbove(role, asking, 'role');
    const tokens = await keysOf(store, 'token', user.id, clock.now());
    if (tokens.some((token) => token.name === name)) {
      throw new AppError('Conflict', `${user.name} has a token "${name}" already.`, {
        field: 'name',
        hint: 'Choose another name, or revoke that one first.',
      });
    }
    if (tokens.length >= limitsOfAccess.tokens_of_user_max) {
      throw new AppError('Conflict', `${user.name} has ${tokens.length} tokens, and no more fit.`, {
        field: 'name',
        hint: 'Revoke one that is not used.',
      });
    }
    // A token that may do less than its person makes none that may do more than itself.
    const own = role ?? (asking.role === user.role ? null : asking.role);
    // Nor one that outlives it.
    const end = await endOfAskingToken(context, actor);
    if (end !== null && expires_seconds !== undefined && clock.now() + expires_seconds * 1000 > end) {
      const left = Math.floor((end - clock.now()) / 1000);
      throw new AppError('Forbidden', `The token that this is asked for with ends in ${left} s, before the new one.`, {
        field: 'expires_seconds',
        hint: `Give less than ${left}, or leave it out: it then ends with that one. Longer ones are made by who is signed in.`,
      });
    }
    const unlimited = end === null ? 'until it is revoked' : 'as long as the token that it is made with';
    const lifetime = expires_seconds === undefined ? unlimited : `for ${expires_seconds} s`;
    return {
      summary: `Make the API token ${name} of ${user.name}`,
      target: `token/${user.id}/${name}`,
      base: 0,
      changes: [{ action: 'create', path: `tokens.${name}`, to: own ?? user.role, note: `works ${lifetime}` }],
      action: { kind: 'control_plane' },
      carryOut: (approved) => {
        const { now } = approved;
        const asked_end = expires_seconds === undefined ? null : now + expires_seconds * 1000;
        const expires_at = end === null ? asked_end : Math.min(end, asked_end ?? end);
        const { key, id, statement } = newKey(store, 'token', { user_id: user.id, now, expires_at, name, role: own });
        return {
          statements: [
            statement,
            entryOf(store, approved, 'access.key_created', user, { id, name, role: own, expires_at }),
          ],
          result: { id, token: key, expires_at },
          kept_result: { id, token: null, expires_at },
          signals: ['access'],
        };
      },
    };
  }),

  changes(operations['access.revoke_token'], async ({ store, clock }, { id }, actor) => {
    const { user, key } = await keyMeant(store, 'token', id, actor, clock.now());
    return {
      summary: `Revoke the API token ${key.name ?? ''} of ${user.name}`,
      target: `token/${id}`,
      base: 0,
      changes: [{ action: 'delete', path: `tokens.${key.name ?? id}`, from: roleOfKey(user.role, key.role) }],
      action: { kind: 'control_plane' },
      carryOut: (approved) => ({
        statements: [deleteKey(store, id), entryOf(store, approved, 'access.key_revoked', user, { kind: 'token', id })],
        signals: ['access'],
      }),
    };
  }),
];

/**
 * When the token ends that this was asked for with; null when it does not, or when a session asked. Also when the plan is made again.
 * @throws AppError Forbidden when that token has ended meanwhile: what it asked for is not handed out any more.
 */
async function endOfAskingToken({ store, clock, recall }: Context, actor: Actor): Promise<number | null> {
  const id = await recall<string | null>(asked_with_key, () => null);
  if (id === null || actor.proof !== 'token') return null;
  const key = await store.db.selectFrom('access_keys').select('expires_at').where('id', '=', id).executeTakeFirst();
  if (!key || (key.expires_at !== null && key.expires_at <= clock.now()))
    throw new AppError('Forbidden', 'The token that this was asked for with has ended.');
  return key.expires_at;
}

/** The person that is meant, by name or the one who asks, and how the one who asks stands. */
async function personMeant(
  store: Store,
  actor: Actor | null,
  permission: Permission,
  name: string | undefined,
): Promise<{ user: UserRow; asking: Standing }> {
  if (!actor) throw new AppError('Unauthenticated', 'Nobody is signed in.');
  const user = name === undefined ? undefined : await getUser(store, name);
  const asking = await standingOf(store, actor, permission, `user/${user?.id ?? actor.id}`);
  return { user: user ?? asking.user, asking };
}

/** A session or token that holds and that the actor may end. */
async function keyMeant(
  store: Store,
  kind: 'session' | 'token',
  id: string,
  actor: Actor,
  now: number,
): Promise<{ user: UserRow; key: KeyRow }> {
  const key = await store.db
    .selectFrom('access_keys')
    .selectAll()
    .where('id', '=', id)
    .where('kind', '=', kind)
    .executeTakeFirst();
  const user = key && (await getUserById(store, key.user_id));
  if (!key || !user || (key.expires_at !== null && key.expires_at <= now)) {
    throw new AppError('NotFound', `There is no ${kind} ${id}.`, {
      field: 'id',
      hint: `mainstay ${kind}s list names them.`,
    });
  }
  const asking = await standingOf(store, actor, 'access:write', `user/${user.id}`);
  checkNotAbove(roleOfKey(user.role, key.role), asking, 'id');
  return { user, key };
}

/** Keys of one kind of a person that hold, the newest first. */
function keysOf(store: Store, kind: KeyKind, user_id: string, now: number): Promise<KeyRow[]> {
  return store.db
    .selectFrom('access_keys')
    .selectAll()
    .where('user_id', '=', user_id)
    .where('kind', '=', kind)
    .where((e) => e.or([e('expires_at', 'is', null), e('expires_at', '>', now)]))
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
}

function entryOf(
  store: Store,
  { now, actor, operation_id }: Approved,
  kind: NewAuditEntry['kind'],
  user: UserRow,
  data: Record<string, unknown>,
) {
  const target = `user/${user.id}`;
  return auditEntry(store, { kind, at: now, actor, operation_id, target, outcome: 'succeeded', data });
}

function deleteKey(store: Store, id: string) {
  return { query: store.db.deleteFrom('access_keys').where('id', '=', id), rows: 1 };
}
