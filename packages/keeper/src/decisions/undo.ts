/**
 * Taking an approved operation back. It is no new decision: the plan that was approved named what its servers go back to when they fail, and
 * nothing else is signed. So whoever owns the control plane can bring back what was in force before the newest operation of a stack, within
 * a day of its approval and once, and nothing older (ADR 0027).
 */
import { DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { contentDigest, type Issued, type KeeperApi } from '@mainstay/contract/keeper-api';
import { type Grants, provenance } from '../grants.ts';
import { parsed } from '../input.ts';
import type { KeeperDatabase } from '../ledger/database.ts';
import type { ProposalStore } from './proposal-store.ts';

/** How long after its approval an operation can be taken back, seconds. */
export const undo_within_seconds = 86_400;

type Parts = { database: KeeperDatabase; grants: Grants; proposals: ProposalStore; now: () => number };

export function createUndo({ database, grants, proposals, now }: Parts): Pick<KeeperApi, 'undo'> {
  /** Inside a write. */
  const issue = (jws: string, document: DesiredState, sha256: string, content_sha256: string): Issued => {
    const grant = grants.open(jws);
    const row = grant && proposals.find(grant.operation_id);
    if (!grant || row?.state !== 'approved' || row.grant_jws !== jws)
      return denied('That operation was not approved by this keeper.');
    const { action } = grant;
    if (action.kind !== 'desired_state' || row.judged.undo_sha256 === undefined)
      return denied('The plan that was approved names nothing to go back to.');
    if (content_sha256 !== row.judged.undo_sha256)
      return denied('The document is not what the approved plan says that it is taken back to.');
    if (document.stack_id !== action.stack_id || document.version !== action.version + 1)
      return denied('The document is of another stack, or not of the version after the one that is taken back.');
    const done = proposals.undoOf(grant.operation_id);
    if (done)
      return done.sha256 === sha256
        ? { decision: 'approved', grant: done.grant_jws }
        : denied('It was taken back already.');
    if (now() / 1000 > grant.iat + undo_within_seconds)
      return denied('It was approved too long ago to be taken back without a decision.');
    if (proposals.newestVersion(action.stack_id) > action.version)
      return denied('Something newer of that stack was approved since.');
    const terms = { ...provenance(grant), aud: grant.aud, action: { ...action, version: document.version, sha256 } };
    const signed = grants.issue('undone', terms, { follows: grant.jti });
    proposals.addUndo(grant.operation_id, sha256, signed);
    return { decision: 'approved', grant: signed };
  };

  return {
    async undo(request) {
      const document = parsed(DesiredState, request.document);
      const sha256 = await desiredStateDigest(document);
      const content_sha256 = await contentDigest(document);
      return database.write(() => issue(request.grant, document, sha256, content_sha256));
    },
  };
}

function denied(reason: string): Issued {
  return { decision: 'denied', reason, hint: 'Bring it back by a change of its own: mainstay stacks rollback STACK' };
}
