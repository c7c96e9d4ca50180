/**
 * Values of secrets and credentials. The rows name them; the values lie sealed under their commitment, and stay there while
 * a version that might be rolled back to names them.
 */
import { randomBytes } from 'node:crypto';
import { commitmentOf } from '@mainstay/contract/canonical';
import { AppError } from '@mainstay/contract/errors';
import type { GitCredential } from '@mainstay/runtime';
import { type Selectable, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

export type SecretRow = Selectable<Tables['secrets']>;
export type CredentialRow = Selectable<Tables['credentials']>;

/** A value that neither a row, nor a kept version of a stack, nor the state of a server names is forgotten once it is this old. */
export const unnamed_values_kept_ms = 90 * 24 * 3_600_000;

/** Seals a value under a fresh commitment; gives it with the statement that stores the value. */
export function newSealedValue(context: Context, owner: string, value: string) {
  return sealedValue(context, owner, value, randomBytes(32).toString('hex'));
}

/**
 * The same with a commitment that is always this one for this owner and value, so that a plan that names it can be looked at first
 * and asked for again. That a value was set a second time can be seen from it; nothing else of the value.
 */
export function lastingSealedValue(context: Context, owner: string, value: string) {
  return sealedValue(context, owner, value, context.seal.fingerprint(`commitment\n${owner}\n${value}`));
}

async function sealedValue(context: Context, owner: string, value: string, key: string) {
  const commitment = await commitmentOf(key, value);
  const row = {
    commitment,
    owner,
    sealed: context.seal.seal(owner, JSON.stringify({ key, value })),
    created_at: context.clock.now(),
  };
  const query = context.store.db
    .insertInto('sealed_values')
    .values(row)
    .onConflict((on) => on.column('commitment').doNothing());
  return { commitment, statement: { query } };
}

/** The values behind commitments; those that are not known are left out. */
export async function openValues(
  context: Context,
  commitments: readonly string[],
): Promise<Record<string, { key: string; value: string }>> {
  const values: Record<string, { key: string; value: string }> = {};
  if (commitments.length === 0) return values;
  const rows = await context.store.db
    .selectFrom('sealed_values')
    .selectAll()
    .where('commitment', 'in', [...commitments])
    .execute();
  for (const row of rows)
    values[row.commitment] = JSON.parse(context.seal.open(row.owner, row.sealed)) as { key: string; value: string };
  return values;
}

export async function selectSecrets(store: Store, stack: string): Promise<SecretRow[]> {
  return store.db.selectFrom('secrets').selectAll().where('stack', '=', stack).orderBy('name').execute();
}

export async function findSecret(store: Store, stack: string, name: string): Promise<SecretRow | null> {
  return (
    (await store.db
      .selectFrom('secrets')
      .selectAll()
      .where('stack', '=', stack)
      .where('name', '=', name)
      .executeTakeFirst()) ?? null
  );
}

export async function findCredential(store: Store, name: string): Promise<CredentialRow | null> {
  return (await store.db.selectFrom('credentials').selectAll().where('name', '=', name).executeTakeFirst()) ?? null;
}

/** The Git credential behind a commitment. */
export async function openCredential(context: Context, commitment: string): Promise<GitCredential> {
  const value = (await openValues(context, [commitment]))[commitment]?.value;
  if (value === undefined)
    throw new AppError('Unavailable', 'A Git credential that a stack names is no longer stored.', {
      hint: 'Set it again, and deploy.',
    });
  return JSON.parse(value) as GitCredential;
}

export async function pruneValues(store: Store, now: number): Promise<void> {
  const documents = [
    ...(await store.db.selectFrom('stack_versions').select('document').execute()),
    ...(await store.db.selectFrom('server_states').select(sql<string>`document || base`.as('document')).execute()),
  ];
  const named = new Set(documents.flatMap(({ document }) => document.match(/[0-9a-f]{64}/g) ?? []));
  const old = await store.db
    .selectFrom('sealed_values')
    .select('commitment')
    .where('created_at', '<', now - unnamed_values_kept_ms)
    .execute();
  const unnamed = old.map(({ commitment }) => commitment).filter((commitment) => !named.has(commitment));
  if (unnamed.length === 0) return;
  await store.db
    .deleteFrom('sealed_values')
    .where('commitment', 'in', unnamed.slice(0, 500))
    .where('commitment', 'not in', (e) => e.selectFrom('secrets').select('commitment'))
    .where('commitment', 'not in', (e) => e.selectFrom('credentials').select('commitment'))
    .execute();
}
