/**
 * Who may do what. The first version has one role, owner, that holds every permission; the question is asked at one place
 * and with all that a later policy engine needs to answer it.
 */
import type { Actor, Permission } from '@mainstay/contract/operation';
import { permissions } from '@mainstay/contract/operation';

export function permissionsOf(actor: Actor): readonly Permission[] {
  return actor.kind === 'user' && actor.role === 'owner' ? permissions : [];
}

/** Whether the actor may do that. `resource` names what it is done to, such as `stack/shop`. */
export function authorize(actor: Actor, permission: Permission, _resource: string | null): boolean {
  // Webhooks and the ref poller are Mainstay's own; what they may do is decided, plan by plan, by the keeper's policy.
  if (actor.kind === 'webhook' || actor.kind === 'system') return permission === 'stacks:deploy';
  return permissionsOf(actor).includes(permission);
}
