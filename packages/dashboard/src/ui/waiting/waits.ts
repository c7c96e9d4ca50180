/** What an operation waits for, and what of that is the person's to say. The keeper decides all the same; this is what is offered. */
import type { Actor, OperationView, Role } from '@mainstay/contract/operation';

export type Me = { actor: Pick<Actor, 'id' | 'role'>; permissions: readonly string[] };

/** Words that a person may say on an operation. */
export type Verdicts = { approve: boolean; reject: boolean; confirm: boolean; cancel: boolean };

/** Higher is more, as the keeper ranks approvers. */
const ranks: Record<Role, number> = { viewer: 0, approver: 1, deployer: 2, admin: 3, owner: 4 };

const notBegun: readonly OperationView['state'][] = ['proposed', 'waiting', 'approved'];

export function verdictsOf(operation: OperationView, { actor, permissions }: Me): Verdicts {
  const { requirement, approvals, state } = operation;
  const isOwn = operation.actor.id === actor.id;
  const hasSaid = (verdict: string) => approvals.some((word) => word.actor.id === actor.id && word.verdict === verdict);
  const isJudge = state === 'waiting' && !isOwn && permissions.includes('operations:approve') && actor.role !== null;
  const least = requirement?.role ?? 'approver';
  return {
    approve:
      isJudge &&
      approvalsLeft(operation) > 0 &&
      !hasSaid('approve') &&
      ranks[actor.role ?? 'viewer'] >= Math.max(ranks[least], ranks.approver),
    reject: isJudge,
    confirm: state === 'waiting' && isOwn && requirement?.confirmation === true && !hasSaid('confirm'),
    cancel: notBegun.includes(state) && (isOwn || permissions.includes('operations:cancel')),
  };
}

/** Whether it goes on only when this person speaks. */
export function waitsForMe(operation: OperationView, me: Me): boolean {
  const { approve, confirm } = verdictsOf(operation, me);
  return approve || confirm;
}

/** People who approved it so far: each once, never who proposed it. */
export function approvedBy({ actor, approvals }: Pick<OperationView, 'actor' | 'approvals'>): string[] {
  const words = approvals.filter(({ verdict, actor: { id } }) => verdict === 'approve' && id !== actor.id);
  return [...new Map(words.map((word) => [word.actor.id, word.actor.name])).values()];
}

/** How many more people have to approve it. */
export function approvalsLeft(operation: OperationView): number {
  return Math.max(0, (operation.requirement?.approvals ?? 0) - approvedBy(operation).length);
}

export function isConfirmed({ actor, approvals }: Pick<OperationView, 'actor' | 'approvals'>): boolean {
  return approvals.some(({ verdict, actor: { id } }) => verdict === 'confirm' && id === actor.id);
}
