/**
 * What somebody is at this moment. A change may be carried out long after it was asked for, so that its plan asks the store again:
 * who was removed or made less meanwhile does no more than they now may.
 */
import { AppError } from '@mainstay/contract/errors';
import type { Actor, Permission, Role } from '@mainstay/contract/operation';
import type { Store } from '../store/store.ts';
import { authorize, isWithin, roleOfKey } from './authorize.ts';
import { getUserById, type UserRow } from './user-store.ts';

export type Standing = {
  user: UserRow;
  /** What the request may be: as its person, or less by its token. */
  role: Role;
};

/** @throws AppError Forbidden when the person is gone, or may not do this any more. */
export async function standingOf(
  store: Store,
  actor: Actor,
  permission: Permission,
  resource: string | null,
): Promise<Standing> {
  const user = actor.kind === 'user' ? await getUserById(store, actor.id) : undefined;
  if (!user || actor.role === null) throw new AppError('Forbidden', `${actor.name} is no person of this installation.`);
  const role = roleOfKey(user.role, actor.role);
  if (!authorize({ ...actor, role }, permission, resource)) {
    throw new AppError('Forbidden', `${user.name} is ${role} and may not do this to another person.`, {
      hint: 'Ask an owner or an admin.',
    });
  }
  return { user, role };
}

/** @throws AppError Forbidden when that role may do more than who asks. */
export function checkNotAbove(role: Role, asking: Standing, field: string): void {
  if (isWithin(role, asking.role)) return;
  throw new AppError('Forbidden', `${asking.user.name} acts as ${asking.role} here, and ${role} is more than that.`, {
    field,
    hint: 'Ask somebody whose role is at least that one, such as an owner.',
  });
}
