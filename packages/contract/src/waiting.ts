/**
 * What an operation still waits for, and whose word it is that is missing: for people to look at. What counts is the keeper's to decide,
 * which looks at more than this.
 */
import { type Actor, type OperationView, roles } from './operation.ts';

export type Missing = {
  /** How many approvals of others. */
  approvals: number;
  /** The word of who proposed it. */
  confirmation: boolean;
};

/** Null when it does not wait. */
export function missingWords({ state, requirement, approvals }: OperationView): Missing | null {
  if (state !== 'waiting' || !requirement) return null;
  const given = approvals.filter(({ verdict }) => verdict === 'approve').length;
  return {
    approvals: Math.max(0, requirement.approvals - given),
    confirmation: requirement.confirmation && !approvals.some(({ verdict }) => verdict === 'confirm'),
  };
}

/** Whose turn it is: the word that this person could say to move it on; null where it waits for somebody or something else. */
export function wordAskedOf(
  operation: OperationView,
  { actor, permissions }: { actor: Actor; permissions: readonly string[] },
): 'approve' | 'confirm' | null {
  const missing = missingWords(operation);
  if (!missing || !operation.requirement) return null;
  if (operation.actor.id === actor.id) return missing.confirmation ? 'confirm' : null;
  const least = operation.requirement.role ?? 'approver';
  const may = permissions.includes('operations:approve') && actor.role !== null;
  const isEnough = may && roles.indexOf(actor.role!) <= roles.indexOf(least);
  const has_spoken = operation.approvals.some((approval) => approval.actor.id === actor.id);
  return missing.approvals > 0 && isEnough && !has_spoken ? 'approve' : null;
}
