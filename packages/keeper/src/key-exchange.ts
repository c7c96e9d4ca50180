/**
 * Exchanging the signing key. It is an operation as any other: proposed, judged by policy, confirmed by a person, signed. Only with that
 * grant, once, does the keeper do it, so that whoever owns the control plane cannot.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Grant } from '@mainstay/contract/grant';
import { type KeeperApi, keeperOperations, signing_key_target } from '@mainstay/contract/keeper-api';
import type { ProposalStore } from './decisions/proposal-store.ts';
import type { Grants } from './grants.ts';
import type { KeeperDatabase } from './ledger/database.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { Statements } from './people/statements.ts';
import type { Signer } from './signer.ts';

export type KeyExchange = Pick<KeeperApi, 'rotateSigningKey' | 'revokeSigningKey'>;

type Parts = {
  database: KeeperDatabase;
  ledger: Ledger;
  grants: Grants;
  proposals: ProposalStore;
  statements: Statements;
  signer: Signer;
  now: () => number;
};

export function createKeyExchange(parts: Parts): KeyExchange {
  const { database, ledger, grants, proposals, statements, signer, now } = parts;

  /** The grant, when it allows that, and what its plan is about. */
  const allowed = (jws: string, operation: string): { grant: Grant; target: string } => {
    const grant = grants.open(jws);
    const target = grant ? proposals.find(grant.operation_id)?.judged.target : undefined;
    if (grant?.operation !== operation || grant.action.kind !== 'control_plane' || target === undefined)
      throw forbidden(`The grant is not of an operation ${operation} that this keeper approved.`);
    if (grant.exp * 1000 < now()) throw forbidden('The grant has expired.');
    return { grant, target };
  };

  return {
    async rotateSigningKey({ grant: jws }) {
      const { grant, target } = allowed(jws, keeperOperations.rotate);
      if (target !== signing_key_target)
        throw forbidden(`The plan is about ${target}, not about ${signing_key_target}.`);
      const nonce = `grant:${grant.jti}`;
      if (statements.isUsed(nonce)) return signer.current();
      const rotation = await signer.prepareRotation();
      database.write(() => {
        statements.use(nonce);
        // Written down under the key that is current until this write is done.
        ledger.append('key_rotated', grant.operation_id, { from: signer.current().kid, to: rotation.next.kid });
        rotation.record();
      });
      rotation.finish();
      return signer.current();
    },

    async revokeSigningKey({ grant: jws }) {
      const { grant, target } = allowed(jws, keeperOperations.revoke);
      const nonce = `grant:${grant.jti}`;
      const kid = target.slice(signing_key_target.length + 1);
      database.write(() => {
        if (statements.isUsed(nonce)) return;
        const state = target === `${signing_key_target}/${kid}` ? signer.stateOf(kid) : null;
        if (state === null) throw new AppError('NotFound', 'The keeper has no such signing key.', { field: 'kid' });
        if (state === 'current') {
          throw new AppError('Conflict', 'The current signing key cannot be revoked: nothing could be signed.', {
            field: 'kid',
            hint: 'Rotate it first, then revoke the old one.',
          });
        }
        statements.use(nonce);
        if (state === 'revoked') return;
        ledger.append('key_revoked', grant.operation_id, { kid });
        signer.recordRevocation(kid);
      });
      return signer.keys();
    },
  };
}

function forbidden(message: string): AppError {
  return new AppError('Forbidden', message, { field: 'grant', hint: 'Propose the operation, and let it be approved.' });
}
