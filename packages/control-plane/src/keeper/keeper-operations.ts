/** What the operations on the keeper do. Nothing is decided here: the keeper checks every statement itself. */
import { AppError } from '@mainstay/contract/errors';
import { signing_key_target } from '@mainstay/contract/keeper-api';
import { operations } from '@mainstay/contract/operations/index';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Context } from '../context.ts';
import { acts, changes, type Handler, reads } from '../operations/handlers.ts';
import type { Approved } from '../operations/planned.ts';

export const keeperHandlers: Handler[] = [
  reads(operations['policies.get'], async ({ keeper }) => {
    const [policies, alerts] = await Promise.all([keeper.policies(), keeper.alerts()]);
    return { policies, alerts };
  }),

  reads(operations['policies.test'], async ({ keeper }, input) => {
    const results = await keeper.testPolicies(input);
    const passed = results.filter((result) => result.passed).length;
    return { results, passed, failed: results.length - passed };
  }),

  reads(operations['keys.list'], async ({ keeper }) => ({ keys: await keeper.listKeys() })),

  acts(operations['keys.register'], async (context, { name, key }, { actor }) => {
    if (actor.kind !== 'user' || actor.role === null) {
      throw new AppError('Forbidden', `${actor.name} is no person, and has no keys.`);
    }
    const { id: user_id, name: user_name, role } = actor;
    const registered = await context.keeper.registerKey({ user_id, user_name, role, name, key });
    await record(context, 'key.created', actor, registered.id, { user: user_name, name, state: registered.state });
    return { key: registered };
  }),

  acts(operations['keys.admit'], async (context, input, { actor }) => {
    const key = await context.keeper.admitKey(input);
    await record(context, 'key.admitted', actor, key.id, { user: key.user_name, role: key.role });
    return { key };
  }),

  acts(operations['keys.revoke'], async (context, input, { actor }) => {
    const key = await context.keeper.revokeKey(input);
    await record(context, 'key.revoked', actor, key.id, { user: key.user_name });
    return { key };
  }),

  reads(operations['keeper.keys'], async ({ keeper }) => {
    const [keys, history] = await Promise.all([keeper.keys(), keeper.keyHistory()]);
    return { keys, changes: history.length };
  }),

  changes(operations['keeper.rotate_key'], async ({ keeper, store }) => {
    const [current] = await keeper.keys();
    return {
      summary: 'Give the keeper a new signing key',
      target: signing_key_target,
      base: (await keeper.keyHistory()).length,
      changes: [
        { action: 'update', path: 'signing_key', from: current!.kid, note: 'the one before holds until it is revoked' },
      ],
      action: { kind: 'control_plane' },
      carryOut: async ({ grant, ...approved }) => {
        const made = await keeper.rotateSigningKey({ grant });
        const data = { from: current!.kid, to: made.kid };
        return {
          statements: [signingKeyEntry(store, 'key.rotated', signing_key_target, approved, data)],
          result: made,
        };
      },
    };
  }),

  changes(operations['keeper.revoke_key'], async ({ keeper, store }, { kid }) => {
    const [current, ...others] = await keeper.keys();
    if (kid === current!.kid) {
      throw new AppError('Conflict', 'This is the current signing key.', {
        field: 'kid',
        hint: 'Make a new one first: mainstay keeper rotate-key',
      });
    }
    if (!others.some((key) => key.kid === kid)) {
      throw new AppError('NotFound', `The keeper has no signing key ${kid}.`, { field: 'kid' });
    }
    const target = `${signing_key_target}/${kid}`;
    return {
      summary: `End the trust in signing key ${kid.slice(0, 12)}… of the keeper`,
      target,
      base: (await keeper.keyHistory()).length,
      changes: [
        {
          action: 'delete',
          path: 'signing_key',
          from: kid,
          note: 'agents refuse what it signed and they have not accepted',
        },
      ],
      action: { kind: 'control_plane' },
      carryOut: async ({ grant, ...approved }) => {
        const keys = await keeper.revokeSigningKey({ grant });
        return { statements: [signingKeyEntry(store, 'key.revoked', target, approved, { kid })], result: { keys } };
      },
    };
  }),

  reads(operations['keeper.ledger'], ({ keeper }, input) => keeper.ledger(input)),

  reads(operations['keeper.verify_ledger'], ({ keeper }) => keeper.verifyLedger()),
];

function signingKeyEntry(
  store: Context['store'],
  kind: 'key.rotated' | 'key.revoked',
  target: string,
  { actor, operation_id, now }: Omit<Approved, 'grant'>,
  data: Record<string, unknown>,
) {
  return auditEntry(store, { kind, at: now, actor, operation_id, target, outcome: 'succeeded', data });
}

async function record(
  { store, clock }: Context,
  kind: 'key.created' | 'key.admitted' | 'key.revoked',
  actor: Parameters<typeof auditEntry>[1]['actor'],
  key_id: string,
  data: Record<string, unknown>,
): Promise<void> {
  await store.batch([auditEntry(store, { kind, at: clock.now(), actor, target: `key/${key_id}`, data })]);
}
