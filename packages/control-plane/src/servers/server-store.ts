/** Rows of servers: who they are, what they run, what they last said. */
import type { AgentState } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import type { Selectable } from 'kysely';
import type { Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

/** A server without its grants, which are large: see `enrolmentGrant`. */
export type ServerRow = Omit<Selectable<Tables['servers']>, 'invitation_jws' | 'enrolment_jws'>;

const columns = [
  'id',
  'project_id',
  'name',
  'rev',
  'stack_id',
  'invitation_digest',
  'invitation_expires_at',
  'credential_digest',
  'enrolled_at',
  'last_seen_at',
  'online',
  'last_event_seq',
  'last_log_seq',
  'state_version',
  'created_at',
] as const satisfies readonly (keyof ServerRow)[];

const brief = ['id', 'name', 'stack_id', 'online', 'last_seen_at'] as const;
/** What is asked of many servers at once: of a stack's, of an operation's. */
export type ServerBrief = Pick<ServerRow, (typeof brief)[number]>;

/** A server that has been silent for this long is offline: three heartbeats. */
export const offline_after_ms = 35_000;

export async function findServer(store: Store, name: string): Promise<ServerRow | null> {
  return (await store.db.selectFrom('servers').select(columns).where('name', '=', name).executeTakeFirst()) ?? null;
}

export async function getServerRow(store: Store, name: string): Promise<ServerRow> {
  const row = await findServer(store, name);
  if (!row)
    throw new AppError('NotFound', `There is no server "${name}".`, {
      field: 'server',
      hint: '`mainstay servers` lists those that there are.',
    });
  return row;
}

export async function findServerById(store: Store, id: string): Promise<ServerRow | null> {
  return (await store.db.selectFrom('servers').select(columns).where('id', '=', id).executeTakeFirst()) ?? null;
}

/** Servers by their ids; those that there are no more are left out. */
export async function serversByIds(store: Store, ids: readonly string[]): Promise<Map<string, ServerBrief>> {
  const found = new Map<string, ServerBrief>();
  for (let start = 0; start < ids.length; start += 500) {
    const some = ids.slice(start, start + 500);
    const rows = await store.db.selectFrom('servers').select(brief).where('id', 'in', some).execute();
    for (const row of rows) found.set(row.id, row);
  }
  return found;
}

export async function selectServers(store: Store): Promise<ServerRow[]> {
  return store.db.selectFrom('servers').select(columns).orderBy('name').execute();
}

/** Servers that count as online and have said nothing since the given moment. */
export async function serversSilentSince(store: Store, moment: number): Promise<ServerRow[]> {
  return store.db
    .selectFrom('servers')
    .select(columns)
    .where('online', '=', 1)
    .where('last_seen_at', '<', moment)
    .execute();
}

/** Enrolled servers of a stack. */
export async function serversOfStack(store: Store, stack_id: string): Promise<ServerBrief[]> {
  return store.db
    .selectFrom('servers')
    .select(brief)
    .where('stack_id', '=', stack_id)
    .where('enrolled_at', 'is not', null)
    .orderBy('name')
    .execute();
}

export async function serverOfCredential(store: Store, digest: string): Promise<ServerRow | null> {
  return (
    (await store.db.selectFrom('servers').select(columns).where('credential_digest', '=', digest).executeTakeFirst()) ??
    null
  );
}

export function updateServer(
  store: Store,
  server: ServerRow,
  set: Partial<Omit<Selectable<Tables['servers']>, 'id' | 'rev' | 'project_id'>>,
) {
  return {
    query: store.db
      .updateTable('servers')
      .set({ ...set, rev: server.rev + 1 })
      .where('id', '=', server.id)
      .where('rev', '=', server.rev),
    rows: 1,
  };
}

/** The grant by which a server is one; null before it was enrolled. */
export async function enrolmentGrant(store: Store, id: string): Promise<string | null> {
  const row = await store.db.selectFrom('servers').select('enrolment_jws').where('id', '=', id).executeTakeFirst();
  return row?.enrolment_jws ?? null;
}

type Known = { last_seen_at: number | null; state: AgentState | null };

/** The newest reports, good as long as the row says that nothing came since: more is known here than the store is told. */
const known = new Map<string, Known>();
/** More than a control plane has servers; beyond it what is known is forgotten and read again. */
const known_max = 20_000;

/** What servers last reported, by id; null before the first heartbeat. Only what is not known yet is read from the store. */
export async function reportedStates(
  store: Store,
  servers: readonly Pick<ServerRow, 'id' | 'last_seen_at'>[],
): Promise<Map<string, AgentState | null>> {
  const stale = servers.filter(({ id, last_seen_at }) => !isKnown(id, last_seen_at));
  for (let start = 0; start < stale.length; start += 500) {
    const some = stale.slice(start, start + 500);
    const ids = some.map(({ id }) => id);
    const rows = await store.db.selectFrom('server_reports').selectAll().where('server_id', 'in', ids).execute();
    const reports = new Map(rows.map(({ server_id, state }) => [server_id, JSON.parse(state) as AgentState]));
    for (const { id, last_seen_at } of some) {
      if (!isKnown(id, last_seen_at)) rememberState(id, last_seen_at, reports.get(id) ?? null);
    }
  }
  return new Map(servers.map(({ id }) => [id, known.get(id)?.state ?? null]));
}

export async function reportedState(
  store: Store,
  server: Pick<ServerRow, 'id' | 'last_seen_at'>,
): Promise<AgentState | null> {
  return (await reportedStates(store, [server])).get(server.id) ?? null;
}

function isKnown(id: string, last_seen_at: number | null): boolean {
  const found = known.get(id);
  return found !== undefined && (found.last_seen_at ?? 0) >= (last_seen_at ?? 0);
}

/** Whether a server runs a version of its stack, as it says itself; where a newer one failed on it, it keeps the one before. */
export function runsVersion(reported: AgentState | null, version: number): boolean {
  if (reported?.accepted_version === version) return reported.receipt?.state === 'succeeded';
  return reported?.applied_version === version && reported.receipt?.state === 'failed';
}

/** Keeps what a server reported, so that it need not be read back. */
export function rememberState(id: string, last_seen_at: number | null, state: AgentState | null): void {
  if (known.size > known_max) known.clear();
  known.set(id, { last_seen_at, state });
}

/**
 * Takes over what moves all the time from a report that says nothing new otherwise. The report that is known stays the same
 * object: to let go of one per server every ten seconds would be the most of what the garbage collector does.
 * False where none is known.
 */
export function refreshState(id: string, state: AgentState): boolean {
  const found = known.get(id);
  if (!found?.state) return false;
  found.state.usage = state.usage;
  found.state.backlog = state.backlog;
  for (const [name, service] of Object.entries(state.services)) {
    const before = found.state.services[name];
    if (!before) continue;
    before.memory_bytes = service.memory_bytes;
    before.cpu_fraction = service.cpu_fraction;
    before.health = service.health;
  }
  return true;
}

/** The row of a server says from now on that it was seen then; what is known of it is as new. */
export function noteSeen(id: string, last_seen_at: number): void {
  const found = known.get(id);
  if (found) found.last_seen_at = last_seen_at;
}

/** Stores a report; of a server that was removed in the meantime, nothing. */
export function storeReport(store: Store, id: string, state: AgentState) {
  const text = JSON.stringify(state);
  return {
    query: store.db
      .insertInto('server_reports')
      .columns(['server_id', 'state'])
      .expression((e) =>
        e
          .selectFrom('servers')
          .select(['id', e.val(text).as('state')])
          .where('id', '=', id),
      )
      .onConflict((conflict) => conflict.column('server_id').doUpdateSet({ state: text })),
  };
}
