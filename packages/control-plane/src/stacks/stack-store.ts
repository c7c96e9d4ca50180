/** Rows of stacks and their versions. A version is never changed but for its state. */
import type { DesiredState } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { SecurityMode, StackSpec } from '@mainstay/contract/stack';
import { type Selectable, sql } from 'kysely';
import type { Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

export type StackRow = Selectable<Tables['stacks']>;
export type VersionRow = Selectable<Tables['stack_versions']>;
export type VersionState = VersionRow['state'];

/** Versions kept of a stack, newest first; older ones are forgotten, but never one that serves. */
export const versions_kept_max = 50;

export type StackVersion = { version: number; spec: StackSpec; document: DesiredState; row: VersionRow };

export function parseVersion(row: VersionRow): StackVersion {
  return {
    version: row.version,
    spec: JSON.parse(row.spec) as StackSpec,
    document: JSON.parse(row.document) as DesiredState,
    row,
  };
}

export async function findStack(store: Store, name: string): Promise<StackRow | null> {
  return (await store.db.selectFrom('stacks').selectAll().where('name', '=', name).executeTakeFirst()) ?? null;
}

/** The stack of that name; NotFound where there is none, or where it was removed. */
export async function getStackRow(store: Store, name: string): Promise<StackRow> {
  const row = await findStack(store, name);
  if (!row || row.removed) {
    throw new AppError('NotFound', `There is no stack "${name}".`, {
      field: 'stack',
      hint: '`mainstay stacks` lists those that there are.',
    });
  }
  return row;
}

export async function findStackById(store: Store, id: string): Promise<StackRow | null> {
  return (await store.db.selectFrom('stacks').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function selectStacks(store: Store): Promise<StackRow[]> {
  return store.db.selectFrom('stacks').selectAll().where('removed', '=', 0).orderBy('name').execute();
}

/** Stacks of which a version that may be in force chooses its servers. */
export async function selectChoosers(store: Store): Promise<StackRow[]> {
  return store.db
    .selectFrom('stacks')
    .selectAll()
    .where('removed', '=', 0)
    .where((e) =>
      e.exists(
        e
          .selectFrom('stack_versions as version')
          .select('version.version')
          .whereRef('version.stack_id', '=', 'stacks.id')
          .where('version.spec', 'like', '%"targets":{%')
          .where((v) =>
            v.or([
              v('version.version', '=', v.ref('stacks.desired_version')),
              v('version.version', '=', v.ref('stacks.serving_version')),
            ]),
          ),
      ),
    )
    .orderBy('name')
    .execute();
}

export async function findVersion(store: Store, stack_id: string, version: number): Promise<StackVersion | null> {
  const row = await store.db
    .selectFrom('stack_versions')
    .selectAll()
    .where('stack_id', '=', stack_id)
    .where('version', '=', version)
    .executeTakeFirst();
  return row ? parseVersion(row) : null;
}

export async function selectVersions(store: Store, stack_id: string, limit: number): Promise<StackVersion[]> {
  const rows = await store.db
    .selectFrom('stack_versions')
    .selectAll()
    .where('stack_id', '=', stack_id)
    .orderBy('version', 'desc')
    .limit(limit)
    .execute();
  return rows.map(parseVersion);
}

/**
 * The version that changes are made against: the newest, or, when that failed, the one that goes on serving. So a failed
 * change is not part of what the next one builds on, and applying the same file again tries it again.
 */
export async function baseVersion(store: Store, stack: StackRow): Promise<StackVersion | null> {
  const newest = await findVersion(store, stack.id, stack.desired_version);
  if (newest && newest.row.state !== 'failed') return newest;
  return stack.serving_version > 0 ? findVersion(store, stack.id, stack.serving_version) : null;
}

export type InForce = { version: number; security_mode: SecurityMode };

/** Of all stacks, by id, the version that `baseVersion` gives; a stack that was never deployed has none. */
export async function versionsInForce(store: Store): Promise<Map<string, InForce>> {
  const rows = await store.db
    .selectFrom('stack_versions as version')
    .innerJoin('stacks as stack', 'stack.id', 'version.stack_id')
    .select([
      'stack.id',
      'version.version',
      sql<SecurityMode>`json_extract(version.spec, '$.security_mode')`.as('security_mode'),
    ])
    .where((e) =>
      e.or([
        e.and([e('version.version', '=', e.ref('stack.desired_version')), e('version.state', '!=', 'failed')]),
        e('version.version', '=', e.ref('stack.serving_version')),
      ]),
    )
    // The newer one comes last, and stays.
    .orderBy('version.version')
    .execute();
  return new Map(rows.map(({ id, ...version }) => [id, version]));
}

export function insertVersion(store: Store, row: VersionRow) {
  return { query: store.db.insertInto('stack_versions').values(row) };
}

export function setVersionState(store: Store, stack_id: string, version: number, state: VersionState) {
  return {
    query: store.db
      .updateTable('stack_versions')
      .set({ state })
      .where('stack_id', '=', stack_id)
      .where('version', '=', version),
  };
}

/** Changes a stack only if nobody did so since it was read. */
export function updateStack(store: Store, stack: StackRow, set: Partial<Omit<StackRow, 'id' | 'rev' | 'project_id'>>) {
  return {
    query: store.db
      .updateTable('stacks')
      .set({ ...set, rev: stack.rev + 1 })
      .where('id', '=', stack.id)
      .where('rev', '=', stack.rev),
    rows: 1,
  };
}

export function pruneVersions(store: Store, stack: StackRow) {
  return {
    query: store.db
      .deleteFrom('stack_versions')
      .where('stack_id', '=', stack.id)
      .where('version', '<', stack.desired_version - versions_kept_max)
      .where('version', '!=', stack.serving_version),
  };
}

/** By whom a stack was paused, why, and when. */
export type Paused = NonNullable<StackView['paused']>;

export function pausedOf(stack: StackRow): Paused | null {
  return stack.paused === null ? null : (JSON.parse(stack.paused) as Paused);
}

export function heldServices(stack: StackRow): Record<string, string> {
  return JSON.parse(stack.held) as Record<string, string>;
}
