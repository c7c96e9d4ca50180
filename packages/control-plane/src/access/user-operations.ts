/** What the operations on people do. Nobody makes, changes or removes who may do more than they. */
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { limitsOfAccess } from '@mainstay/contract/operations/access';
import { operations } from '@mainstay/contract/operations/index';
import { auditEntry } from '../audit/audit-entry.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import type { Store } from '../store/store.ts';
import { isWithin } from './authorize.ts';
import { newSignInLink } from './sign-in-link.ts';
import { checkNotAbove, standingOf } from './standing.ts';
import {
  countUsers,
  deleteUser,
  endWholeKeys,
  findUser,
  getUser,
  selectUsers,
  type UserRow,
  updateRole,
} from './user-store.ts';

export const userHandlers: Handler[] = [
  reads(operations['access.list_users'], async ({ store, clock }) => ({
    users: await selectUsers(store, clock.now()),
  })),

  changes(operations['access.create_user'], async (context, { name, role, expires_seconds }, actor) => {
    const { store } = context;
    checkNotAbove(role, await standingOf(store, actor, 'people:write', null), 'role');
    const namesake = await findUser(store, name);
    if (namesake) {
      throw new AppError('Conflict', `There is a person called "${namesake.name}" already.`, {
        field: 'name',
        hint: 'Choose another name; letter case makes no difference.',
      });
    }
    if ((await countUsers(store)) >= limitsOfAccess.users_max) {
      throw new AppError('Conflict', `There are ${limitsOfAccess.users_max} people, and no more fit.`, {
        field: 'name',
        hint: 'Remove somebody first.',
      });
    }
    return {
      summary: `Add ${name} as ${role}`,
      target: `user/${name.toLowerCase()}`,
      base: 0,
      changes: [
        { action: 'create', path: `users.${name}`, to: role },
        { action: 'create', path: 'sign_in_link', note: `works for ${expires_seconds} s, once` },
      ],
      action: { kind: 'control_plane' },
      carryOut: ({ now, actor, operation_id }) => {
        const user: UserRow = { id: newId('user', now), name, rev: 1, role, created_at: now };
        const link = newSignInLink(context, user.id, now, expires_seconds);
        return {
          statements: [
            { query: store.db.insertInto('users').values(user) },
            link.statement,
            auditEntry(store, {
              kind: 'access.user_created',
              at: now,
              actor,
              operation_id,
              target: `user/${user.id}`,
              outcome: 'succeeded',
              data: { name, role },
            }),
          ],
          result: { id: user.id, ...link.result },
          kept_result: { id: user.id, ...link.kept_result },
          signals: ['access'],
        };
      },
    };
  }),

  changes(operations['access.set_role'], async ({ store }, input, actor) => {
    const user = await getUser(store, input.user);
    const asking = await standingOf(store, actor, 'people:write', null);
    checkNotAbove(user.role, asking, 'user');
    checkNotAbove(input.role, asking, 'role');
    if (input.role !== 'owner') await checkOwnerRemains(store, user);
    const isSame = input.role === user.role;
    // Whoever has a link or session of theirs got it for less than it would be worth from now on.
    const isMore = !isWithin(input.role, user.role);
    return {
      summary: `Make ${user.name} ${input.role}`,
      target: `user/${user.id}`,
      base: user.rev,
      changes: isSame ? [] : [{ action: 'update', path: `users.${user.name}.role`, from: user.role, to: input.role }],
      warnings: isMore
        ? [`${user.name} signs in anew: sessions, sign-in links and full tokens of a ${user.role} end.`]
        : [],
      action: { kind: 'control_plane' },
      carryOut: ({ now, actor, operation_id }) => {
        const entry = auditEntry(store, {
          kind: 'access.user_changed',
          at: now,
          actor,
          operation_id,
          target: `user/${user.id}`,
          outcome: 'succeeded',
          data: { name: user.name, from: user.role, to: input.role },
        });
        const ended = isMore ? [endWholeKeys(store, user.id)] : [];
        return { statements: [updateRole(store, user, input.role), ...ended, entry], signals: ['access'] };
      },
    };
  }),

  changes(operations['access.remove_user'], async ({ store }, input, actor) => {
    const user = await getUser(store, input.user);
    checkNotAbove(user.role, await standingOf(store, actor, 'people:write', null), 'user');
    await checkOwnerRemains(store, user);
    return {
      summary: `Remove ${user.name}`,
      target: `user/${user.id}`,
      base: user.rev,
      changes: [
        {
          action: 'delete',
          path: `users.${user.name}`,
          from: user.role,
          note: 'sessions end, tokens and sign-in links stop working',
        },
      ],
      action: { kind: 'control_plane' },
      carryOut: ({ now, actor, operation_id }) => {
        const entry = auditEntry(store, {
          kind: 'access.user_removed',
          at: now,
          actor,
          operation_id,
          target: `user/${user.id}`,
          outcome: 'succeeded',
          data: { name: user.name, role: user.role },
        });
        return { statements: [...deleteUser(store, user), entry], signals: ['access'] };
      },
    };
  }),
];

async function checkOwnerRemains(store: Store, user: UserRow): Promise<void> {
  if (user.role !== 'owner' || (await countUsers(store, 'owner')) > 1) return;
  throw new AppError('Conflict', `${user.name} is the last owner.`, {
    field: 'user',
    hint: 'Make somebody else an owner first: mainstay users set-role NAME owner',
  });
}
