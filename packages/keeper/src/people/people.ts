/**
 * Which keys speak for people. The first key of all is taken at its word when its person is an owner (trust on first use); every later
 * one waits until somebody who is known already signs for it, and says who it is and what they may be.
 */
import { AppError } from '@mainstay/contract/errors';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import { PersonKeyRegistration, PersonKeyRequest, type PersonKeyView } from '@mainstay/contract/keeper-views';
import type { Role } from '@mainstay/contract/operation';
import { personKeyId } from '@mainstay/contract/proof';
import { parsed } from '../input.ts';
import type { KeeperDatabase } from '../ledger/database.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PersonKeys } from './person-keys.ts';
import { levelOf } from './roles.ts';
import type { Proven, Statements } from './statements.ts';

export type People = Pick<KeeperApi, 'registerKey' | 'admitKey' | 'revokeKey' | 'listKeys'> & {
  /** For a person at the keeper's own machine, when no key of an owner is left; not offered over the socket. */
  admitByHand(key_id: string, role: Role): PersonKeyView;
};

type Parts = {
  database: KeeperDatabase;
  ledger: Ledger;
  keys: PersonKeys;
  statements: Statements;
  now: () => number;
};

export function createPeople({ database, ledger, keys, statements, now }: Parts): People {
  const { write } = database;
  const known = (id: string) => {
    const key = keys.find(id);
    if (!key)
      throw new AppError('NotFound', 'The keeper knows no such key.', { field: 'key_id', hint: 'List the keys.' });
    return key;
  };
  const refuseLastOwner = (key: PersonKeyView) => {
    if (key.state !== 'admitted' || key.role !== 'owner' || keys.otherOwners(key.id) > 0) return;
    throw new AppError('Conflict', 'It is the last key of an owner: nobody could admit another one.', {
      field: 'key_id',
      hint: 'Admit another key of an owner first.',
    });
  };
  const noted = (kind: string, view: PersonKeyView, by: string | null) => {
    const { id, user_id, user_name, name, role, state, trust } = view;
    ledger.append(kind, null, { id, user_id, user_name, name, role, state, trust, by });
    return view;
  };

  return {
    async registerKey(unchecked) {
      const request = parsed(PersonKeyRegistration, unchecked);
      const id = await personKeyId(request.key);
      return write(() => {
        const present = keys.find(id);
        if (present?.user_id === request.user_id && present.state !== 'revoked') return present;
        if (present) {
          throw new AppError('Conflict', 'This key is registered for another person, or was revoked.', {
            field: 'key',
            hint: 'Make a new key.',
          });
        }
        const admitted = request.role === 'owner' && keys.isFirst();
        return noted('person_key_registered', keys.insert(id, request, admitted, now()), null);
      });
    },

    async admitKey(unchecked) {
      const { key_id, proof } = parsed(PersonKeyRequest, unchecked);
      known(key_id);
      const proven = await statements.open(proof, {
        says: 'admit_key',
        about: key_id,
        operation_id: null,
        user_id: null,
      });
      return write(() => {
        const target = known(key_id);
        if (target.state === 'revoked')
          throw new AppError('Conflict', 'The key was revoked; it does not come back.', {
            field: 'key_id',
            hint: 'Register a new one.',
          });
        const role = roleToAdmit(target, proven);
        if (role !== 'owner') refuseLastOwner(target);
        statements.use(proven.statement.jti);
        return noted('person_key_admitted', keys.admit(key_id, role, proven.key.id, now()), proven.key.id);
      });
    },

    async revokeKey(unchecked) {
      const { key_id, proof } = parsed(PersonKeyRequest, unchecked);
      if (known(key_id).state === 'revoked') return known(key_id);
      const proven = await statements.open(proof, {
        says: 'revoke_key',
        about: key_id,
        operation_id: null,
        user_id: null,
      });
      return write(() => {
        const target = known(key_id);
        if (target.state === 'revoked') return target;
        const by = proven.key;
        const may =
          by.user_id === target.user_id || by.role === 'owner' || (by.role === 'admin' && target.role !== 'owner');
        if (!may) throw forbidden('Only owners and admins may revoke keys of others, and only owners those of owners.');
        refuseLastOwner(target);
        statements.use(proven.statement.jti);
        return noted('person_key_revoked', keys.revoke(key_id, now()), by.id);
      });
    },

    listKeys: async () => keys.list(),

    admitByHand(key_id, role) {
      return write(() => {
        if (known(key_id).state === 'revoked')
          throw new AppError('Conflict', 'The key was revoked; it does not come back.');
        return noted('person_key_admitted_by_hand', keys.admit(key_id, role, null, now()), null);
      });
    },
  };
}

/** Own keys are admitted as what their person is; those of others as what the statement says, by who is enough for it. */
function roleToAdmit(target: PersonKeyView, { key, statement }: Proven): Role {
  if (statement.admits === undefined) {
    if (target.user_id === key.user_id && target.state === 'pending') return key.role;
    throw new AppError(
      'Forbidden',
      'To admit the key of another person, the statement must say whose it is, and what they may be.',
      {
        field: 'proof',
        hint: 'Sign `admits: { user_id, role }` along with it.',
      },
    );
  }
  if (statement.admits.user_id !== target.user_id) throw forbidden('The statement is about the key of another person.');
  const { role } = statement.admits;
  if (key.role === 'owner') return role;
  const is_below = levelOf(role) <= levelOf(key.role) && (target.state === 'pending' || target.role !== 'owner');
  if (key.role === 'admin' && is_below) return role;
  throw forbidden('Only owners and admins may admit keys of others, and nobody for more than they are.');
}

function forbidden(message: string): AppError {
  return new AppError('Forbidden', message, { field: 'proof', hint: 'Ask an owner.' });
}
