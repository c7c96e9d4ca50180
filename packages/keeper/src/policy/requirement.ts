/** What is required of people, and how much of it is there. */
import type { Approval, Requirement } from '@mainstay/contract/operation';
import { mayApprove } from '../people/roles.ts';
import { isEnough, type Required } from './judge.ts';
import { nextOpening } from './window.ts';

/** As people are shown it. It expires so long after it is proposed, or after its window opens. */
export function requirementOf(required: Required, now: number): Requirement {
  const { policy, approvals, role, proof, confirmation, expires_seconds } = required;
  const opening = nextOpening(required.windows, now);
  const not_before = opening !== null && opening > now ? opening : null;
  return {
    policy,
    approvals,
    role,
    proof,
    confirmation,
    expires_at: (not_before ?? now) + expires_seconds * 1000,
    not_before,
  };
}

/** Whether this word counts as an approval of what is required. */
export function countsAsApproval(
  { actor, verdict }: Approval,
  { role, proof }: Pick<Required, 'role' | 'proof'>,
): boolean {
  return verdict === 'approve' && mayApprove(actor.role, role) && isEnough(actor.proof, proof);
}

/** Whether people have said all that is required; when its window is open is another question. */
export function isSatisfied(required: Required, words: readonly Approval[], is_proposal_signed: boolean): boolean {
  const approvals = words.filter((word) => countsAsApproval(word, required)).length;
  const confirmed =
    is_proposal_signed ||
    words.some(({ verdict, actor }) => verdict === 'confirm' && isEnough(actor.proof, required.proof));
  return approvals >= required.approvals && (confirmed || !required.confirmation);
}
