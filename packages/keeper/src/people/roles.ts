/**
 * How roles compare: `owner` is more than `admin`, and that more than `deployer` and `approver`, of which neither is more than the other;
 * `viewer` is least. Who approves is an approver, an admin or an owner; a deployer is not, who would approve for their peers.
 */
import type { Role } from '@mainstay/contract/operation';

const levels: Record<Role, number> = { owner: 3, admin: 2, deployer: 1, approver: 1, viewer: 0 };

/** -1 for nobody. */
export function levelOf(role: Role | null): number {
  return role === null ? -1 : levels[role];
}

/** What both of them are: the lesser of the two, and `viewer` where neither is within the other. */
export function lesserRole(one: Role | null, other: Role | null): Role | null {
  if (one === null || other === null) return null;
  if (one === other || levelOf(one) < levelOf(other)) return one;
  return levelOf(other) < levelOf(one) ? other : 'viewer';
}

/** Whether somebody of that role may approve or reject where policy asks for at least `least`. */
export function mayApprove(role: Role | null, least: Role | null): boolean {
  return role !== null && role !== 'deployer' && levelOf(role) >= levelOf(least ?? 'approver');
}
