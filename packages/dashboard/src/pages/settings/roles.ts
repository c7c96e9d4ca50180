/** Which roles somebody may give: as the control plane holds it, so that nothing is offered that would be refused. */
import type { Role } from '@mainstay/contract/operation';
import { settings } from '../../texts/settings.ts';

const within: Record<Role, readonly Role[]> = {
  owner: ['owner', 'admin', 'deployer', 'approver', 'viewer'],
  admin: ['admin', 'deployer', 'approver', 'viewer'],
  deployer: ['deployer', 'viewer'],
  approver: ['approver', 'viewer'],
  viewer: ['viewer'],
};

/** Roles that may do nothing which this one may not. */
export function rolesWithin(role: Role | null): readonly Role[] {
  return role === null ? [] : within[role];
}

/** The same for a select. */
export function roleChoices(role: Role | null): { value: Role; label: string }[] {
  return rolesWithin(role).map((value) => ({ value, label: settings.people.roles[value] }));
}
