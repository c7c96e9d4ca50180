/** Rows of people. One owner remains at every moment: the statements that take one away hold that themselves. */
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { limitsOfAccess, type UserView } from '@mainstay/contract/operations/access';
import { type Selectable, sql } from 'kysely';
import { isUniqueViolation, type Statement, type Store } from '../store/store.ts';
import type { AccessTables } from './access-tables.ts';

export type UserRow = Selectable<AccessTables['users']>;

/** The owner who has been one longest; made where there is none. */
export async function ensureOwner(store: Store, now: number): Promise<UserRow> {
  const find = () =>
    store.db
      .selectFrom('users')
      .selectAll()
      .where('role', '=', 'owner')
      .orderBy('created_at')
      .orderBy('id')
      .limit(1)
      .executeTakeFirst();
  const owner = await find();
  if (owner) return owner;
  const row: UserRow = { id: newId('user', now), name: 'owner', rev: 1, role: 'owner', created_at: now };
  try {
    await store.batch([{ query: store.db.insertInto('users').values(row) }]);
    return row;
  } catch (error) {
    const other = isUniqueViolation(error) ? await find() : undefined;
    if (other) return other;
    throw error;
  }
}

/** The person of that name, whatever its letter case. */
export async function findUser(store: Store, name: string): Promise<UserRow | undefined> {
  return store.db
    .selectFrom('users')
    .selectAll()
    .where(sql<string>`lower(name)`, '=', name.toLowerCase())
    .executeTakeFirst();
}

/** @throws AppError NotFound. */
export async function getUser(store: Store, name: string): Promise<UserRow> {
  const row = await findUser(store, name);
  if (row) return row;
  throw new AppError('NotFound', `There is nobody called "${name}".`, {
    field: 'user',
    hint: 'mainstay users list names everybody.',
  });
}

export async function getUserById(store: Store, id: string): Promise<UserRow | undefined> {
  return store.db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst();
}

/** How many there are, or how many of one role. */
export async function countUsers(store: Store, role?: UserRow['role']): Promise<number> {
  const query = store.db.selectFrom('users').select((e) => e.fn.countAll<number>().as('count'));
  const { count } = await (role === undefined ? query : query.where('role', '=', role)).executeTakeFirstOrThrow();
  return count;
}

/** Everybody by name, with the keys that hold. */
export async function selectUsers(store: Store, now: number): Promise<UserView[]> {
  return store.db
    .selectFrom('users')
    .leftJoin('access_keys as key', (join) =>
      join
        .onRef('key.user_id', '=', 'users.id')
        .on((e) => e.or([e('key.expires_at', 'is', null), e('key.expires_at', '>', now)])),
    )
    .select(['users.id', 'users.name', 'users.role', 'users.created_at'])
    .select([
      sql<number | null>`max(key.last_used_at)`.as('last_seen_at'),
      sql<number>`count(case when key.kind = 'session' then 1 end)`.as('sessions'),
      sql<number>`count(case when key.kind = 'token' then 1 end)`.as('tokens'),
    ])
    .groupBy('users.id')
    .orderBy(sql`lower(users.name)`)
    .limit(limitsOfAccess.users_max)
    .execute();
}

const isNotLastOwner = sql<boolean>`(role != 'owner' or (select count(*) from users where role = 'owner') > 1)`;

/** Takes the role of an owner only where another owner remains. */
export function updateRole(store: Store, user: UserRow, role: UserRow['role']): Statement {
  const query = store.db
    .updateTable('users')
    .set({ role, rev: user.rev + 1 })
    .where('id', '=', user.id)
    .where('rev', '=', user.rev)
    .where(isNotLastOwner);
  return { query, rows: 1 };
}

/** Ends the keys that may do all that their person may: links, sessions, and tokens that were not made for less. */
export function endWholeKeys(store: Store, user_id: string): Statement {
  return { query: store.db.deleteFrom('access_keys').where('user_id', '=', user_id).where('role', 'is', null) };
}

/** Removes a person with all keys; an owner only where another remains. */
export function deleteUser(store: Store, user: UserRow): Statement[] {
  const keys = store.db.deleteFrom('access_keys').where('user_id', '=', user.id);
  const query = store.db
    .deleteFrom('users')
    .where('id', '=', user.id)
    .where('rev', '=', user.rev)
    .where(isNotLastOwner);
  return [{ query: keys }, { query, rows: 1 }];
}
