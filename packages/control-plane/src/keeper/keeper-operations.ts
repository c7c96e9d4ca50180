/** What the operations on the keeper do. Nothing is decided here: the keeper checks every statement itself. */
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { auditEntry } from '../audit/audit-entry.ts';
import type { Context } from '../context.ts';
import { acts, changes, type Handler, reads } from '../operations/handlers.ts';

export const keeperHandlers: Handler[] = [
  reads(operations['policies.get'], async ({ keeper }) => {
    const [policies, alerts] = await Promise.all([keeper.policies(), keeper.alerts()]);
    return { policies, alerts };
  }),

  acts(operations['policies.test'], async ({ keeper }, input) => {
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

  changes(operations['keeper.rotate_key'], async ({ keeper }) => {
    const keys = await keeper.keys();
    return {
      summary: 'Give the keeper a new signing key',
      target: 'keeper/keys',
      base: (await keeper.keyHistory()).length,
      changes: [
        { action: 'create', path: 'signing_key', from: keys[0]!.kid, note: 'the one before holds until it is revoked' },
      ],
      action: { kind: 'control_plane' },
      carryOut: async ({ grant }) => ({ statements: [], result: await keeper.rotateSigningKey({ grant }) }),
    };
  }),

  changes(operations['keeper.revoke_keys'], async ({ keeper }) => {
    const [current, ...others] = await keeper.keys();
    return {
      summary: "Revoke the keeper's former signing keys",
      target: 'keeper/keys',
      base: (await keeper.keyHistory()).length,
      changes: others.map(({ kid }) => ({ action: 'delete' as const, path: `signing_keys.${kid}` })),
      warnings: [`The current key, ${current!.kid.slice(0, 12)}…, stays.`],
      action: { kind: 'control_plane' },
      carryOut: async ({ grant }) => ({ statements: [], result: { keys: await keeper.revokeSigningKey({ grant }) } }),
    };
  }),

  reads(operations['keeper.ledger'], ({ keeper }, input) => keeper.ledger(input)),

  reads(operations['keeper.verify_ledger'], ({ keeper }) => keeper.verifyLedger()),
];

async function record(
  { store, clock }: Context,
  kind: 'key.created' | 'key.admitted' | 'key.revoked',
  actor: Parameters<typeof auditEntry>[1]['actor'],
  key_id: string,
  data: Record<string, unknown>,
): Promise<void> {
  await store.batch([auditEntry(store, { kind, at: clock.now(), actor, target: `key/${key_id}`, data })]);
}
