/** Reading audit entries: pages for people, pages of the chain for verification and export, and where the chain ends. */
import { AuditEntry, auditKindsOf, type ChainHead, genesisOf, type PruneMark } from '@mainstay/contract/audit';
import { type ChainLink, markOf } from '@mainstay/contract/audit-verify';
import { newId } from '@mainstay/contract/ids';
import type { AuditEntryView, AuditExport } from '@mainstay/contract/operations/audit';
import { type SelectQueryBuilder, sql } from 'kysely';
import type { Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

export type AuditFilter = Omit<AuditExport, 'format'>;
export type AuditPage = AuditFilter & { after?: number | undefined; before?: number | undefined; limit: number };

type Query<O> = SelectQueryBuilder<Tables, 'audit_entries', O>;

/** Id of this installation, made at its first use, and what its chain begins with. */
export async function chainOf(store: Store): Promise<{ installation_id: string; genesis: string }> {
  const read = () => store.db.selectFrom('audit_chain').select('installation_id').executeTakeFirst();
  if (!(await read())) {
    const made = { one: 1, installation_id: newId('installation') };
    await store.db
      .insertInto('audit_chain')
      .values(made)
      .onConflict((conflict) => conflict.column('one').doNothing())
      .execute();
  }
  const { installation_id } = (await read())!;
  return { installation_id, genesis: await genesisOf(installation_id) };
}

export async function chainHead(store: Store): Promise<ChainHead | null> {
  const row = await store.db
    .selectFrom('audit_entries')
    .select(['seq', 'hash'])
    .where('seq', 'is not', null)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? { seq: row.seq!, hash: row.hash ?? '' } : null;
}

export async function countPending(store: Store): Promise<number> {
  const row = await store.db
    .selectFrom('audit_entries')
    .select((e) => e.fn.countAll<number>().as('count'))
    .where('seq', 'is', null)
    .executeTakeFirstOrThrow();
  return row.count;
}

/** The mark of the newest pruning. */
export async function newestPruning(store: Store): Promise<PruneMark | null> {
  const row = await store.db
    .selectFrom('audit_entries')
    .select('body')
    .where('kind', '=', 'audit.pruned')
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row ? markOf(entryOf(row.body)) : null;
}

/** Entries that fit, each once, in the order in which they were written. */
export async function selectAudit(
  store: Store,
  page: AuditPage,
): Promise<{ entries: AuditEntryView[]; next: number; more: boolean }> {
  const isForward = page.after !== undefined;
  let query = filtered(store.db.selectFrom('audit_entries').select(['position', 'id', 'seq', 'hash', 'body']), page)
    .orderBy('position', isForward ? 'asc' : 'desc')
    .limit(page.limit + 1);
  if (page.after !== undefined) query = query.where('position', '>', page.after);
  if (page.before !== undefined) query = query.where('position', '<', page.before);
  const rows = await query.execute();
  const entries = rows.slice(0, page.limit).map(({ position, id, seq, hash, body }) => ({
    cursor: position,
    seq,
    hash,
    ...shownEntry(id, body),
  }));
  if (!isForward) entries.reverse();
  const next = entries.at(-1)?.cursor ?? page.after ?? (page.before ?? 1) - 1;
  return { entries, next, more: rows.length > page.limit };
}

/** The entry as its body has it; one that was damaged is shown as such, and does not hide the others. */
function shownEntry(id: string, body: string): AuditEntry {
  const parsed = AuditEntry.safeParse(entryOf(body));
  if (parsed.success) return parsed.data;
  return {
    id: /^aud_[0-9a-f]{32}$/.test(id) ? id : `aud_${'0'.repeat(32)}`,
    at: 0,
    kind: 'audit.alert',
    actor: null,
    operation: null,
    operation_id: null,
    run_id: null,
    target: 'audit',
    plan_hash: null,
    outcome: 'failed',
    data: { message: 'This entry is damaged. Run `mainstay audit verify`.' },
  };
}

export function filtered<O>(query: Query<O>, filter: AuditFilter): Query<O> {
  let found = query;
  for (const column of ['target', 'operation', 'operation_id', 'outcome'] as const) {
    const value = filter[column];
    if (value !== undefined) found = found.where(column, '=', value);
  }
  const { actor, search } = filter;
  if (actor !== undefined) found = found.where((e) => e.or([e('actor_name', '=', actor), e('actor_id', '=', actor)]));
  if (filter.kind !== undefined) found = found.where('kind', 'in', auditKindsOf(filter.kind));
  if (filter.from !== undefined) found = found.where('at', '>=', filter.from);
  if (filter.to !== undefined) found = found.where('at', '<=', filter.to);
  if (search !== undefined) {
    // As it stands in JSON.
    const pattern = `%${JSON.stringify(search)
      .slice(1, -1)
      .replaceAll(/[\\%_]/g, '\\$&')}%`;
    found = found.where(sql<boolean>`body like ${pattern} escape '\\'`);
  }
  return found;
}

export type ChainedRow = { seq: number; id: string; prev: string; hash: string; body: string };

/** Chained entries after a number, in the order of the chain. */
export async function chainedAfter(store: Store, seq: number, limit: number): Promise<ChainedRow[]> {
  return (await store.db
    .selectFrom('audit_entries')
    .select(['seq', 'id', 'prev', 'hash', 'body'])
    .where('seq', '>', seq)
    .orderBy('seq')
    .limit(limit)
    .execute()) as ChainedRow[];
}

const links_per_page = 500;
const columns = ['at', 'kind', 'operation', 'operation_id', 'target', 'outcome'] as const;

/** Every entry as a link of the chain: those that are chained in order, then those that wait. In pages, others served between. */
export async function* linksOf(store: Store, after: number | null): AsyncGenerator<ChainLink> {
  let last = after ?? Number.MIN_SAFE_INTEGER;
  for (;;) {
    const rows = await store.db
      .selectFrom('audit_entries')
      .selectAll()
      .where('seq', '>', last)
      .orderBy('seq')
      .limit(links_per_page)
      .execute();
    for (const row of rows) yield linkOf(row);
    if (rows.length < links_per_page) break;
    last = rows.at(-1)!.seq!;
    await new Promise((resolve) => setImmediate(resolve));
  }
  let position = 0;
  for (;;) {
    const rows = await store.db
      .selectFrom('audit_entries')
      .selectAll()
      .where('seq', 'is', null)
      .where('position', '>', position)
      .orderBy('position')
      .limit(links_per_page)
      .execute();
    for (const row of rows) yield linkOf(row);
    if (rows.length < links_per_page) return;
    position = rows.at(-1)!.position;
  }
}

type Row = Awaited<ReturnType<typeof fullRow>>;
const fullRow = (store: Store) => store.db.selectFrom('audit_entries').selectAll().executeTakeFirstOrThrow();

function linkOf(row: Row): ChainLink {
  const { seq, id, prev, hash, body } = row;
  const entry = entryOf(body);
  const actor = entry['actor'] as { id?: unknown; name?: unknown } | null;
  const wrong =
    columns.find((column) => (entry[column] ?? null) !== row[column]) ??
    ((actor?.id ?? null) !== row.actor_id || (actor?.name ?? null) !== row.actor_name ? 'actor' : null);
  return { seq, id, prev, hash, body, flaw: seq === null || !wrong ? null : `its column ${wrong} is not what it says` };
}

/** The entry in a body; an empty one where the body was damaged. */
function entryOf(body: string): Record<string, unknown> {
  try {
    return JSON.parse(body) as Record<string, unknown>;
  } catch {
    return {};
  }
}
