/**
 * The keeper: decides by policy, and signs what it approved. It owns the one secret that matters, depends on almost
 * nothing, and takes nobody's word for what it can compute: plan hash, digest and content of a document are made again
 * here before anything is signed.
 */
import { randomBytes } from 'node:crypto';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { Grant } from '@mainstay/contract/grant';
import {
  contentDigest,
  type Issued,
  type KeeperApi,
  Proposal,
  planHash,
  sameJson,
} from '@mainstay/contract/keeper-api';
import { type Difference, judge } from './policy.ts';
import { loadSigner } from './signer.ts';

/** How long a grant may be begun with, seconds. Within it an agent must have accepted what it allows. */
export const grant_lifetime_seconds = 3_600;
/** The longest that an invitation may wait, seconds. */
const invitation_lifetime_seconds = 604_800;

export type KeeperOptions = { directory: string; now?: () => number };

export async function createKeeper(options: KeeperOptions): Promise<KeeperApi> {
  const signer = await loadSigner(options.directory);
  const now_seconds = () => Math.floor((options.now?.() ?? Date.now()) / 1000);

  const issue = async (grant: Omit<Grant, 'iss' | 'jti' | 'iat' | 'exp'>, lifetime = grant_lifetime_seconds) => {
    const iat = now_seconds();
    const signed = {
      iss: 'mainstay-keeper',
      jti: randomBytes(16).toString('hex'),
      iat,
      exp: iat + lifetime,
      ...grant,
    } as const;
    return { decision: 'approved', grant: await signer.sign(signed) } as const satisfies Issued;
  };

  /** How the document differs from its basis, by what this keeper itself signed; null where that cannot be told. */
  const differenceOf = async ({ action, document, basis }: Proposal): Promise<Difference | null> => {
    if (action.kind !== 'desired_state' || !document || !basis) return null;
    const signed = await signer.open(basis.grant);
    if (signed?.action.kind !== 'desired_state' || signed.action.stack_id !== action.stack_id) return null;
    if ((await desiredStateDigest(basis.document)) !== signed.action.sha256) return null;
    return sameJson(withoutCommits(basis.document), withoutCommits(document)) ? 'commits_only' : 'more';
  };

  return {
    keys: async () => [signer.key],
    // The key was never changed: this keeper has one for life.
    keyHistory: async () => [],

    async decide(unchecked) {
      const proposal = Proposal.parse(unchecked);
      const { action, document, plan } = proposal;
      if (action.kind === 'desired_state') {
        if (!document) return denied('The proposal has no document.');
        if (document.stack_id !== action.stack_id || document.version !== action.version)
          return denied('The document is of another stack or version.');
        if ((await desiredStateDigest(document)) !== action.sha256)
          return denied('The digest does not fit the document.');
        if ((await contentDigest(document)) !== plan.content_sha256)
          return denied('The document is not what the plan shows.');
      }
      const verdict = judge(proposal, await differenceOf(proposal));
      if (!verdict.allowed) return denied(verdict.reason, verdict.hint);
      const issued = await issue(
        {
          aud: proposal.targets,
          operation: plan.operation,
          operation_id: proposal.operation_id,
          plan_hash: await planHash(plan),
          actor: proposal.actor,
          action,
        },
        action.kind === 'invitation' ? invitation_lifetime_seconds : grant_lifetime_seconds,
      );
      return { ...issued, policy: 'owner', approvals: [] };
    },

    decisionOf: async () => null,

    async speak() {
      throw new AppError('Conflict', 'The operation does not wait for anybody.');
    },

    withdraw: async () => {},

    async enrol({ invitation, token }) {
      const invited = await signer.open(invitation);
      if (invited?.action.kind !== 'invitation') return denied('The invitation was not signed by this keeper.');
      if (invited.exp < now_seconds()) return denied('The invitation expired.');
      const { server_id, stack_id, token_sha256 } = invited.action;
      if (signer.tokenDigest(token) !== token_sha256) return denied('The token is not the one of the invitation.');
      return issue({ ...provenance(invited), aud: [server_id], action: { kind: 'enrolment', server_id, stack_id } });
    },

    async reissue({ grant, server_id, enrolment_grant }) {
      const before = await signer.open(grant);
      if (before?.action.kind !== 'desired_state') return denied('That desired state was not signed by this keeper.');
      const enrolment = await signer.open(enrolment_grant);
      if (enrolment?.action.kind !== 'enrolment' || enrolment.action.server_id !== server_id) {
        return denied('The server has no enrolment that this keeper signed.');
      }
      if (enrolment.action.stack_id !== before.action.stack_id)
        return denied('The server is not enrolled for that stack.');
      return issue({ ...provenance(before), aud: [server_id], action: before.action });
    },
  };
}

/** A desired state without its version, its commits, and the ids that come from them. */
function withoutCommits({ version: _, services, ...rest }: DesiredState) {
  const still = Object.entries(services).map(([name, { release_id: __, build_id: ___, source, ...service }]) => {
    const { commit: ____, ...where } = source;
    return [name, { ...service, source: where }];
  });
  return { ...rest, services: Object.fromEntries(still) };
}

/** What a grant that follows from another takes over from it. */
function provenance(grant: Grant) {
  const { operation, operation_id, plan_hash, actor } = grant;
  return { operation, operation_id, plan_hash, actor };
}

function denied(reason: string, hint: string | null = null) {
  return { decision: 'denied', reason, hint, policy: null } as const;
}
