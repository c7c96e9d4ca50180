/** What the operations on secrets and Git credentials do. Values are sealed before anything is written. */
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { operations } from '@mainstay/contract/operations/index';
import type { GitCredential } from '@mainstay/runtime';
import type { Context } from '../context.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import type { Planned } from '../operations/planned.ts';
import { baseVersion, findStack, selectStacks } from '../stacks/stack-store.ts';
import { makeDeployKey } from './deploy-key.ts';
import { type CredentialRow, findCredential, findSecret, newSealedValue, selectSecrets } from './secret-store.ts';

export const secretHandlers: Handler[] = [
  reads(operations['secrets.list'], async ({ store }, { stack }) => {
    const rows = await selectSecrets(store, stack);
    const usage = await secretUsage({ store }, stack);
    return {
      secrets: rows.map(({ name, rev, updated_at }) => ({
        name,
        used_by: usage.get(name) ?? [],
        revision: rev,
        updated_at,
      })),
    };
  }),

  changes(operations['secrets.set'], async (context, { stack, name, value }) => {
    const { store } = context;
    const existing = await findSecret(store, stack, name);
    const used_by = (await secretUsage(context, stack)).get(name) ?? [];
    return {
      summary: `Set secret ${name} of stack ${stack}`,
      target: `secret/${stack}/${name}`,
      about_stack: stack,
      base: existing?.rev ?? 0,
      changes: [{ action: existing ? 'update' : 'create', path: `secrets.${name}`, note: 'value not shown' }],
      warnings:
        used_by.length > 0
          ? [`${used_by.join(', ')}: takes it up with the next deploy (mainstay deploy ${stack}).`]
          : [],
      action: { kind: 'control_plane' },
      carryOut: async ({ now }) => {
        const sealed = await newSealedValue(context, `secret/${stack}/${name}`, value);
        const row = { commitment: sealed.commitment, updated_at: now };
        const query = existing
          ? store.db
              .updateTable('secrets')
              .set({ ...row, rev: existing.rev + 1 })
              .where('id', '=', existing.id)
              .where('rev', '=', existing.rev)
          : store.db.insertInto('secrets').values({ ...row, id: newId('secret', now), stack, name, rev: 1 });
        return { statements: [sealed.statement, { query, rows: 1 }] };
      },
    };
  }),

  changes(operations['secrets.remove'], async (context, { stack, name }) => {
    const { store } = context;
    const existing = await findSecret(store, stack, name);
    if (!existing) throw new AppError('NotFound', `Stack "${stack}" has no secret ${name}.`, { field: 'name' });
    const used_by = (await secretUsage(context, stack)).get(name) ?? [];
    if (used_by.length > 0) {
      throw new AppError('Conflict', `Secret ${name} is used by ${used_by.join(', ')}.`, {
        field: 'name',
        hint: 'Take it out of their `secrets` first.',
      });
    }
    return {
      summary: `Remove secret ${name} of stack ${stack}`,
      target: `secret/${stack}/${name}`,
      about_stack: stack,
      base: existing.rev,
      changes: [{ action: 'delete', path: `secrets.${name}` }],
      action: { kind: 'control_plane' },
      carryOut: () => ({
        statements: [
          {
            query: store.db.deleteFrom('secrets').where('id', '=', existing.id).where('rev', '=', existing.rev),
            rows: 1,
          },
        ],
      }),
    };
  }),

  reads(operations['credentials.list'], async (context) => {
    const rows = await context.store.db.selectFrom('credentials').selectAll().orderBy('name').execute();
    const usage = await credentialUsage(context);
    return {
      credentials: rows.map(({ name, kind, public_key, username, updated_at }) => ({
        name,
        kind,
        public_key,
        username,
        used_by: usage.get(name) ?? [],
        updated_at,
      })),
    };
  }),

  changes(operations['credentials.create_deploy_key'], async (context, { name }) => {
    const existing = await findCredential(context.store, name);
    if (existing) {
      throw new AppError('Conflict', `There is a credential "${name}" already.`, {
        field: 'name',
        hint: 'Choose another name, or remove that one first.',
      });
    }
    return credentialPlan(context, name, null, 'an Ed25519 key pair is made', () => {
      const { private_key, public_key } = makeDeployKey(`mainstay-${name}`);
      return {
        credential: { kind: 'deploy_key', private_key },
        row: { kind: 'deploy_key', public_key, username: null },
        result: { public_key },
      };
    });
  }),

  changes(operations['credentials.set_token'], async (context, { name, username, token }) => {
    const existing = await findCredential(context.store, name);
    if (existing && existing.kind !== 'token') {
      throw new AppError('Conflict', `Credential "${name}" is a deploy key.`, {
        field: 'name',
        hint: 'Choose another name, or remove that one first.',
      });
    }
    return credentialPlan(context, name, existing, 'value not shown', () => ({
      credential: { kind: 'token', username, token },
      row: { kind: 'token', public_key: null, username },
      result: null,
    }));
  }),

  changes(operations['credentials.remove'], async (context, { name }) => {
    const { store } = context;
    const existing = await findCredential(store, name);
    if (!existing) throw new AppError('NotFound', `There is no credential "${name}".`, { field: 'name' });
    const used_by = (await credentialUsage(context)).get(name) ?? [];
    if (used_by.length > 0) {
      throw new AppError('Conflict', `Credential "${name}" is used by stack ${used_by.join(', ')}.`, {
        field: 'name',
        hint: 'Take it out of their stack files first.',
      });
    }
    return {
      summary: `Remove credential ${name}`,
      target: `credential/${name}`,
      base: existing.rev,
      changes: [{ action: 'delete', path: 'credential', from: name }],
      action: { kind: 'control_plane' },
      carryOut: () => ({
        statements: [
          {
            query: store.db.deleteFrom('credentials').where('id', '=', existing.id).where('rev', '=', existing.rev),
            rows: 1,
          },
        ],
      }),
    };
  }),
];

type MadeCredential = {
  credential: GitCredential;
  row: Pick<CredentialRow, 'kind' | 'public_key' | 'username'>;
  result: unknown;
};

function credentialPlan(
  context: Context,
  name: string,
  existing: CredentialRow | null,
  note: string,
  make: () => MadeCredential,
): Planned {
  const { store } = context;
  return {
    summary: `${existing ? 'Exchange' : 'Create'} credential ${name}`,
    target: `credential/${name}`,
    base: existing?.rev ?? 0,
    changes: [{ action: existing ? 'update' : 'create', path: 'credential', to: name, note }],
    action: { kind: 'control_plane' },
    carryOut: async ({ now }) => {
      const { credential, row, result } = make();
      const sealed = await newSealedValue(context, `credential/${name}`, JSON.stringify(credential));
      const set = { ...row, commitment: sealed.commitment, updated_at: now };
      const query = existing
        ? store.db
            .updateTable('credentials')
            .set({ ...set, rev: existing.rev + 1 })
            .where('id', '=', existing.id)
            .where('rev', '=', existing.rev)
        : store.db.insertInto('credentials').values({ ...set, id: newId('credential', now), name, rev: 1 });
      return { statements: [sealed.statement, { query, rows: 1 }], result };
    },
  };
}

/** Secret → the services of the stack that name it. */
async function secretUsage({ store }: Pick<Context, 'store'>, stack: string): Promise<Map<string, string[]>> {
  const usage = new Map<string, string[]>();
  const row = await findStack(store, stack);
  const base = row && !row.removed ? await baseVersion(store, row) : null;
  for (const [service, spec] of Object.entries(base?.spec.services ?? {})) {
    for (const secret of spec.secrets) usage.set(secret, [...(usage.get(secret) ?? []), service]);
  }
  return usage;
}

/** Credential → the stacks that name it. */
async function credentialUsage({ store }: Pick<Context, 'store'>): Promise<Map<string, string[]>> {
  const usage = new Map<string, string[]>();
  for (const row of await selectStacks(store)) {
    const base = await baseVersion(store, row);
    const names = new Set(Object.values(base?.spec.services ?? {}).flatMap((spec) => spec.source.credential ?? []));
    for (const name of names) usage.set(name, [...(usage.get(name) ?? []), row.name]);
  }
  return usage;
}
