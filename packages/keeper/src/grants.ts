/**
 * Grants: made in one place, each with a nonce, an expiry and an entry of the ledger in the same write, so that nothing leaves the
 * keeper that the ledger does not know.
 */
import { randomBytes } from 'node:crypto';
import { DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { Grant } from '@mainstay/contract/grant';
import type { Issued, KeeperApi } from '@mainstay/contract/keeper-api';
import type { LedgerEntry } from '@mainstay/contract/keeper-views';
import { parsed } from './input.ts';
import type { KeeperDatabase } from './ledger/database.ts';
import { type Ledger, sha256 } from './ledger/ledger.ts';
import type { Signer } from './signer.ts';

/** How long a grant may be begun with, seconds. Within it an agent must have accepted what it allows. */
export const grant_lifetime_seconds = 3_600;
/** The longest that an invitation may wait, seconds. */
export const invitation_lifetime_seconds = 604_800;

export const grant_type = 'mainstay-grant+jws';

export type GrantTerms = Omit<Grant, 'iss' | 'jti' | 'iat' | 'exp'>;
export type Grants = Pick<KeeperApi, 'enrol' | 'enrolTarget' | 'reissue'> & {
  /** Inside a write: signs and writes down. `more` goes into the ledger beside what was signed. */
  issue(kind: string, terms: GrantTerms, more?: Record<string, LedgerEntry['body']>): string;
  /** The grant, if this keeper signed it; its expiry is not looked at. Of a revoked key only what the ledger holds counts. */
  open(jws: string): Grant | null;
};

/** A server's own among the states of many that an operation was approved for. */
export type FleetState = { server_id: string; version: number; sha256: string };

type Parts = {
  database: KeeperDatabase;
  ledger: Ledger;
  signer: Signer;
  /** Of an operation that this keeper approved; empty for any other. */
  fleetOf(operation_id: string): readonly FleetState[];
  now: () => number;
};

export function createGrants({ database, ledger, signer, fleetOf, now }: Parts): Grants {
  const now_seconds = () => Math.floor(now() / 1000);

  const issue: Grants['issue'] = (kind, terms, more = {}) => {
    const iat = now_seconds();
    const lifetime = terms.action.kind === 'invitation' ? invitation_lifetime_seconds : grant_lifetime_seconds;
    const jti = randomBytes(16).toString('hex');
    const grant = Grant.parse({ iss: 'mainstay-keeper', jti, iat, exp: iat + lifetime, ...terms });
    const jws = signer.sign(grant_type, grant);
    const { iss: _, operation_id, ...body } = grant;
    ledger.append(kind, operation_id, { ...body, kid: signer.current().kid, ...more }, jws);
    return jws;
  };

  const open: Grants['open'] = (jws) => {
    const opened = Grant.safeParse(signer.openAny(jws, grant_type));
    if (!opened.success) return null;
    const is_revoked = signer.stateOf(signer.kidOf(jws) ?? '') === 'revoked';
    return is_revoked && !ledger.holds(jws) ? null : opened.data;
  };

  /** From a grant for many servers the one for one of them. */
  const issueOwn = (before: Grant, server_id: string, enrolment_grant: string): Issued => {
    const own = fleetOf(before.operation_id).find((state) => state.server_id === server_id);
    if (!own) return denied('The operation was not approved for that server.');
    const enrolment = open(enrolment_grant);
    if (enrolment?.action.kind !== 'enrolment' || enrolment.action.server_id !== server_id)
      return denied('The server has no enrolment that this keeper signed.');
    const { version, sha256 } = own;
    const action = { kind: 'server_state', server_id, version, sha256 } as const;
    const terms = { ...provenance(before), aud: [server_id], action };
    return { decision: 'approved', grant: database.write(() => issue('reissued', terms, { follows: before.jti })) };
  };

  return {
    issue,
    open,

    async enrol({ invitation, token }) {
      const invited = open(invitation);
      if (invited?.action.kind !== 'invitation') return denied('The invitation was not signed by this keeper.');
      if (invited.exp < now_seconds()) return denied('The invitation expired.');
      const { server_id, stack_id, token_sha256 } = invited.action;
      if (sha256(token) !== token_sha256) return denied('The token is not the one of the invitation.');
      const action = { kind: 'enrolment', server_id, stack_id } as const;
      const terms = { ...provenance(invited), aud: [server_id], action };
      return { decision: 'approved', grant: database.write(() => issue('enrolled', terms, { follows: invited.jti })) };
    },

    async enrolTarget({ grant, document: unchecked, server_id, enrolment_grant }) {
      const document = parsed(DesiredState, unchecked);
      const allowed = open(grant);
      if (allowed?.action.kind !== 'desired_state' || allowed.action.sha256 !== (await desiredStateDigest(document)))
        return denied('That desired state was not signed by this keeper.');
      if (!document.targets?.includes(server_id)) return denied('The desired state does not name that server.');
      const enrolment = open(enrolment_grant);
      if (enrolment?.action.kind !== 'enrolment' || enrolment.action.server_id !== server_id)
        return denied('The server has no enrolment that this keeper signed.');
      const action = { kind: 'enrolment', server_id, stack_id: document.stack_id } as const;
      const terms = { ...provenance(allowed), aud: [server_id], action };
      return { decision: 'approved', grant: database.write(() => issue('enrolled', terms, { follows: allowed.jti })) };
    },

    async reissue({ grant, server_id, enrolment_grant }) {
      const before = open(grant);
      if (before?.action.kind === 'server_states') return issueOwn(before, server_id, enrolment_grant);
      const kinds: (string | undefined)[] = ['desired_state', 'server_state', 'removal'];
      if (!before || !kinds.includes(before.action.kind)) return denied('That state was not signed by this keeper.');
      const enrolment = open(enrolment_grant);
      if (enrolment?.action.kind !== 'enrolment' || enrolment.action.server_id !== server_id)
        return denied('The server has no enrolment that this keeper signed.');
      if ('server_id' in before.action && before.action.server_id !== server_id)
        return denied('That was signed for another server.');
      if (before.action.kind === 'desired_state' && enrolment.action.stack_id !== before.action.stack_id)
        return denied('The server is not enrolled for that stack.');
      const terms = { ...provenance(before), aud: [server_id], action: before.action };
      return { decision: 'approved', grant: database.write(() => issue('reissued', terms, { follows: before.jti })) };
    },
  };
}

/** What a grant that follows from another takes over from it. */
export function provenance(grant: Grant) {
  const { operation, operation_id, plan_hash, actor } = grant;
  return { operation, operation_id, plan_hash, actor };
}

function denied(reason: string): Issued {
  return { decision: 'denied', reason, hint: null };
}
