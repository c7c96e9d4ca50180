/** Who may say what of a proposal that waits. */
import { AppError } from '@mainstay/contract/errors';
import type { Approval } from '@mainstay/contract/operation';
import { mayApprove } from '../people/roles.ts';
import { isEnough } from '../policy/judge.ts';
import type { ProposalRow } from './proposal-store.ts';

/** @throws AppError Forbidden, with what it would take. */
export function mayThey(row: ProposalRow, { actor, verdict }: Approval): void {
  const { requirement, judged } = row;
  const is_proposer = actor.id === judged.terms.actor.id;
  if (verdict === 'confirm' && !is_proposer)
    throw forbidden('Only who proposed it can confirm it.', 'Approve or reject it.');
  if (verdict !== 'confirm' && is_proposer)
    throw forbidden(`Nobody can ${verdict} what they proposed themselves.`, 'Let somebody else decide, or cancel it.');
  const least = verdict === 'approve' ? (requirement?.role ?? 'approver') : 'approver';
  if (verdict !== 'confirm' && !mayApprove(actor.role, least))
    throw forbidden(
      `It takes the role ${least} or above to ${verdict} this; ${actor.name} is ${actor.role ?? 'nobody'}.`,
      `Ask somebody who is ${least}.`,
    );
  if (verdict !== 'reject' && !isEnough(actor.proof, requirement?.proof ?? null)) {
    const signed = requirement?.proof === 'signed';
    throw forbidden(
      signed
        ? `To ${verdict} this takes a statement signed by a key of your own.`
        : `To ${verdict} this takes proof by "${requirement?.proof}"; this is "${actor.proof}".`,
      signed
        ? 'Register a key of this device, have it admitted, and sign the plan hash with it.'
        : 'Sign in on the dashboard.',
    );
  }
}

export function forbidden(message: string, hint: string): AppError {
  return new AppError('Forbidden', message, { hint });
}
