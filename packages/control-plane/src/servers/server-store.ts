/** Rows of servers: who they are, what they run, what they last said. */
import type { AgentState } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import type { Selectable } from 'kysely';
import type { Store } from '../store/store.ts';
import type { Tables } from '../store/tables.ts';

export type ServerRow = Selectable<Tables['servers']>;

/** A server that has been silent for this long is offline: three heartbeats. */
export const offline_after_ms = 35_000;

export async function findServer(store: Store, name: string): Promise<ServerRow | null> {
  return (await store.db.selectFrom('servers').selectAll().where('name', '=', name).executeTakeFirst()) ?? null;
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
  return (await store.db.selectFrom('servers').selectAll().where('id', '=', id).executeTakeFirst()) ?? null;
}

export async function selectServers(store: Store): Promise<ServerRow[]> {
  return store.db.selectFrom('servers').selectAll().orderBy('name').execute();
}

/** Enrolled servers of a stack. */
export async function serversOfStack(store: Store, stack_id: string): Promise<ServerRow[]> {
  return store.db
    .selectFrom('servers')
    .selectAll()
    .where('stack_id', '=', stack_id)
    .where('enrolled_at', 'is not', null)
    .orderBy('name')
    .execute();
}

export async function serverOfCredential(store: Store, digest: string): Promise<ServerRow | null> {
  return (
    (await store.db.selectFrom('servers').selectAll().where('credential_digest', '=', digest).executeTakeFirst()) ??
    null
  );
}

export function updateServer(
  store: Store,
  server: ServerRow,
  set: Partial<Omit<ServerRow, 'id' | 'rev' | 'project_id'>>,
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

/** What the server last reported; null before its first heartbeat. Parsed once per text. */
export function reportedState(server: ServerRow): AgentState | null {
  if (server.state === null) return null;
  const known = parsed.get(server.id);
  if (known?.text === server.state) return known.state;
  const state = JSON.parse(server.state) as AgentState;
  if (parsed.size > 10_000) parsed.clear();
  parsed.set(server.id, { text: server.state, state });
  return state;
}

const parsed = new Map<string, { text: string; state: AgentState }>();
