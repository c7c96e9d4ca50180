/** Rows of server states. Versions rise by one; of each server only the newest is kept, operations tell what was before. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerState } from '@mainstay/contract/server-state';
import { sql } from 'kysely';
import type { Statement, Store } from '../store/store.ts';

/** What a server state says, apart from whose and which version it is. */
export type ServerContent = Omit<ServerState, 'schema' | 'server_id' | 'version'>;

export type StoredServerState = {
  version: number;
  document: ServerState;
  /** What it was made from. */
  base: ServerContent;
  sha256: string;
  grant_jws: string;
  operation_id: string;
};

export async function findServerState(store: Store, server_id: string): Promise<StoredServerState | null> {
  const row = await store.db
    .selectFrom('server_states')
    .select(['version', 'document', 'base', 'sha256', 'grant_jws', 'operation_id'])
    .where('server_id', '=', server_id)
    .executeTakeFirst();
  if (!row) return null;
  return {
    ...row,
    document: JSON.parse(row.document) as ServerState,
    base: JSON.parse(row.base) as ServerContent,
  };
}

/**
 * Whether a server is drained: as it says, or as it is to be. `wanted`: what `drainedServers` gives. Where its last server state did not come
 * into force, what it says counts alone.
 */
export function isDrained(id: string, wanted: ReadonlySet<string>, reported: AgentState | null): boolean {
  return reported?.drained === true || (wanted.has(id) && reported?.server?.state !== 'failed');
}

/** Ids of the servers that are to be drained. */
export async function drainedServers(store: Store): Promise<Set<string>> {
  const rows = await store.db
    .selectFrom('server_states')
    .select('server_id')
    .where(sql<number>`json_extract(document, '$.drained')`, '=', 1)
    .execute();
  return new Set(rows.map(({ server_id }) => server_id));
}

/** Puts a version in the place of the one before it; both statements demand that it still is. */
export function putServerState(store: Store, state: StoredServerState & { created_at: number }): Statement[] {
  const { document, base, version, ...rest } = state;
  const { server_id } = document;
  const row = { server_id, version, document: JSON.stringify(document), base: JSON.stringify(base), ...rest };
  return [
    {
      query: store.db
        .updateTable('servers')
        .set({ state_version: version })
        .where('id', '=', server_id)
        .where('state_version', '=', version - 1),
      rows: 1,
    },
    {
      query: store.db
        .insertInto('server_states')
        .values(row)
        .onConflict((conflict) => conflict.column('server_id').doUpdateSet(row)),
      rows: 1,
    },
  ];
}
