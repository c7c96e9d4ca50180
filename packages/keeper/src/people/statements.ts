/**
 * Statements that people signed: who says what about what, now, and once. What was proven is the person and the role that stands with
 * the key; the nonce is taken in the same write as what the statement brings about, so that it counts exactly once.
 */
import { AppError } from '@mainstay/contract/errors';
import type { PersonKeyView } from '@mainstay/contract/keeper-views';
import type { Actor } from '@mainstay/contract/operation';
import { keyIdOf, openStatement, type ProofStatement, statement_lifetime_seconds } from '@mainstay/contract/proof';
import type { KeeperDatabase } from '../ledger/database.ts';
import type { PersonKeys } from './person-keys.ts';
import { lesserRole } from './roles.ts';

export type Proven = { key: PersonKeyView; statement: ProofStatement };
export type Expected = {
  says: ProofStatement['says'];
  /** Hash of the plan, or id of the key. */
  about: string;
  operation_id: string | null;
  /** Who is said to speak; null when the statement itself tells. */
  user_id: string | null;
};

export type Statements = {
  /** Verifies all but the nonce. @throws AppError Forbidden, with what is wrong and what to do. */
  open(jws: string, expected: Expected): Promise<Proven>;
  /** Inside a write: takes the nonce. @throws AppError Conflict when it was taken before. */
  use(nonce: string): void;
  isUsed(nonce: string): boolean;
};

/** Nonces are kept a day longer than a statement can hold, so that a clock set back by hours brings none to life again. */
const nonce_kept_ms = (2 * statement_lifetime_seconds + 86_400) * 1000;

export function createStatements(database: KeeperDatabase, people: PersonKeys, now: () => number): Statements {
  const { sql } = database;
  const forget = sql.prepare('DELETE FROM nonces WHERE until < ?');
  const used = sql.prepare('SELECT until FROM nonces WHERE nonce = ?');
  const take = sql.prepare('INSERT OR IGNORE INTO nonces (nonce, until) VALUES (?, ?)');

  return {
    async open(jws, expected) {
      const key = people.find(keyIdOf(jws) ?? '');
      if (!key)
        throw refused('is signed by a key that the keeper does not know', 'Register the key, and have it admitted.');
      if (key.state === 'pending')
        throw refused(
          `is signed by the key "${key.name}", which nobody has admitted yet`,
          'An owner or admin admits it.',
        );
      if (key.state === 'revoked')
        throw refused(`is signed by the key "${key.name}", which was revoked`, 'Use another key of yours.');
      const statement = await openStatement(jws, key.key);
      if (!statement) throw refused('does not fit its signature, or lacks fields', 'Sign it again.');
      if (statement.user_id !== key.user_id) throw refused('names another person than its key', 'Sign it as yourself.');
      if (expected.user_id !== null && statement.user_id !== expected.user_id)
        throw refused('is of another person than the one who is signed in', 'Use a key of your own.');
      if (statement.says !== expected.says)
        throw refused(`says "${statement.says}", not "${expected.says}"`, 'Sign what you mean to say.');
      if (statement.about !== expected.about)
        throw refused('is about something else than this', 'Look at the plan as it is now, and sign that.');
      // What is proposed has no id yet for who signs it; a word on it is about that one alone.
      const is_open = expected.says === 'propose' && statement.operation_id === null;
      if (!is_open && statement.operation_id !== expected.operation_id)
        throw refused('is about another operation', 'Sign a statement for this one.');
      const ahead = statement.iat - Math.floor(now() / 1000);
      if (Math.abs(ahead) > statement_lifetime_seconds) {
        const when = ahead > 0 ? `${ahead} s in the future` : `${-ahead} s ago`;
        throw refused(
          `was signed ${when} by the keeper's clock; it holds for ${statement_lifetime_seconds} s`,
          'Sign it again. If that does not help, the clocks of this machine and of the keeper differ: set them (NTP).',
        );
      }
      return { key, statement };
    },

    isUsed: (nonce) => used.get(nonce) !== undefined,

    use(nonce) {
      forget.run(now());
      if (take.run(nonce, now() + nonce_kept_ms).changes > 0) return;
      throw new AppError('Conflict', 'The signed statement was used before; each holds once.', {
        field: 'proof',
        hint: 'Sign a new one.',
      });
    },
  };
}

function refused(what: string, hint: string): AppError {
  return new AppError('Forbidden', `The signed statement ${what}.`, { field: 'proof', hint });
}

/** The actor as the keeper believes them: proven by a key, they are what both that and the gateway say. */
export function provenActor(actor: Actor, proven: Proven | null): Actor {
  if (!proven) return actor;
  return { ...actor, role: lesserRole(actor.role, proven.key.role), proof: 'signed' };
}
