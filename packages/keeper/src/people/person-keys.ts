/**
 * Keys of people, as rows of the ledger's file. What a person may be when a key proves them stands with the key, said by who admitted
 * it, so that the gateway's word alone makes nobody more than that.
 */
import { AppError } from '@mainstay/contract/errors';
import type { PersonKeyRegistration, PersonKeyView } from '@mainstay/contract/keeper-views';
import type { Role } from '@mainstay/contract/operation';
import type { KeeperDatabase } from '../ledger/database.ts';

type Row = Omit<PersonKeyView, 'key'> & { key: string };

export type PersonKeys = ReturnType<typeof createPersonKeys>;

export const keys_of_person_max = 20;
const keys_max = 10_000;

export function createPersonKeys({ sql }: KeeperDatabase) {
  const one = sql.prepare('SELECT * FROM person_keys WHERE id = ?');
  const all = sql.prepare('SELECT * FROM person_keys ORDER BY registered_at, id');
  const count = (where: string, ...values: string[]) =>
    (sql.prepare(`SELECT count(*) AS n FROM person_keys WHERE ${where}`).get(...values) as { n: number }).n;
  const find = (id: string): PersonKeyView | null => {
    const row = one.get(id) as Row | undefined;
    return row ? viewOf(row) : null;
  };

  return {
    find,
    list: () => (all.all() as Row[]).map(viewOf),
    /** Whether no key was ever taken: the next one of an owner is taken at its word. */
    isFirst: () => count("state <> 'pending'") === 0,
    /** Admitted keys of owners, but for this one. */
    otherOwners: (id: string) => count("state = 'admitted' AND role = 'owner' AND id <> ?", id),

    insert(id: string, request: PersonKeyRegistration, admitted: boolean, now: number): PersonKeyView {
      if (count("user_id = ? AND state <> 'revoked'", request.user_id) >= keys_of_person_max) {
        throw new AppError('Conflict', `${request.user_name} has ${keys_of_person_max} keys already.`, {
          hint: 'Revoke those that are not used any more.',
        });
      }
      if (count('true') >= keys_max)
        throw new AppError('Conflict', `The keeper keeps at most ${keys_max} keys of people.`);
      const { user_id, user_name, name, role, key } = request;
      sql
        .prepare(
          `INSERT INTO person_keys (id, user_id, user_name, name, key, role, state, trust, registered_at, admitted_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          id,
          user_id,
          user_name,
          name,
          JSON.stringify(key),
          role,
          admitted ? 'admitted' : 'pending',
          admitted ? 'first_use' : null,
          now,
          admitted ? now : null,
        );
      return find(id)!;
    },

    admit(id: string, role: Role, by: string | null, now: number): PersonKeyView {
      sql
        .prepare(
          "UPDATE person_keys SET state = 'admitted', trust = 'admitted', role = ?, admitted_by = ?, admitted_at = ? WHERE id = ?",
        )
        .run(role, by, now, id);
      return find(id)!;
    },

    revoke(id: string, now: number): PersonKeyView {
      sql.prepare("UPDATE person_keys SET state = 'revoked', revoked_at = ? WHERE id = ?").run(now, id);
      return find(id)!;
    },
  };
}

function viewOf(row: Row): PersonKeyView {
  return { ...row, key: JSON.parse(row.key) as PersonKeyView['key'] };
}
