/**
 * Who may do what: the one table of permissions and roles, and the one question that is asked of it, with all that a later
 * policy engine needs to answer it. Roles are compared by what they may do, not by a rank: an approver is not a lesser deployer.
 */
import { type Actor, type Permission, permissions, type Role, roles } from '@mainstay/contract/operation';

const everyone = roles;
const whoOperates = ['owner', 'admin', 'deployer'] as const;
const whoAdministers = ['owner', 'admin'] as const;

/** Which roles hold a permission. One that is not assigned here does not compile. */
const holders: Record<Permission, readonly Role[]> = {
  'stacks:read': everyone,
  'stacks:write': whoOperates,
  'stacks:deploy': whoOperates,
  'secrets:read': everyone,
  'secrets:write': whoOperates,
  'servers:read': everyone,
  'servers:write': whoAdministers,
  'logs:read': everyone,
  'events:read': everyone,
  'operations:read': everyone,
  'operations:approve': ['owner', 'admin', 'approver'],
  'operations:cancel': whoOperates,
  'runs:read': everyone,
  'runs:write': whoOperates,
  'policies:read': everyone,
  'keys:read': everyone,
  'keys:write': ['owner'],
  'audit:read': everyone,
  'people:read': everyone,
  'people:write': whoAdministers,
  // One's own sessions, tokens and links; those of others go with people:write.
  'access:read': everyone,
  'access:write': everyone,
  'system:read': everyone,
};

function heldBy(role: Role): readonly Permission[] {
  return permissions.filter((permission) => holders[permission].includes(role));
}

export function permissionsOf(actor: Actor): readonly Permission[] {
  return actor.kind === 'user' && actor.role !== null ? heldBy(actor.role) : [];
}

/** Whether the actor may do that. `resource` names what it is done to, such as `stack/shop`; null for the kind as a whole. */
export function authorize(actor: Actor, permission: Permission, resource: string | null): boolean {
  // Webhooks and the ref poller are Mainstay's own; what they may do is decided, plan by plan, by the keeper's policy.
  if (actor.kind === 'webhook' || actor.kind === 'system') return permission === 'stacks:deploy';
  const held = permissionsOf(actor);
  if (!held.includes(permission)) return false;
  const isOfAnother = resource?.startsWith('user/') && resource !== `user/${actor.id}`;
  const isOwnOnly = permission === 'access:read' || permission === 'access:write';
  return isOwnOnly && isOfAnother ? held.includes('people:write') : true;
}

/** Whether a role may do nothing that the other may not. */
export function isWithin(role: Role, other: Role): boolean {
  return heldBy(role).every((permission) => holders[permission].includes(other));
}

/** What a key may do: as its person, or less, where it was made for less. */
export function roleOfKey(person: Role, key: Role | null): Role {
  if (key === null || isWithin(person, key)) return person;
  // A person who became something else than what the key was made for leaves it with what both may do.
  return isWithin(key, person) ? key : 'viewer';
}
