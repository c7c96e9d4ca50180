/**
 * What goes out in waves as states of servers instead of as a version of a stack: a server's state is made its own when its wave is opened, and how it
 * stands is read from what it reports of that. Nothing is taken back: a server whose agent failed has the one before again by itself.
 */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerState } from '@mainstay/contract/server-state';
import type { Context } from '../context.ts';
import type { OperationRow } from '../operations/operation-store.ts';
import { type Told, toldBy } from '../operations/told.ts';
import { putServerState, type ServerContent } from '../servers/server-state-store.ts';
import { reportedStates, type ServerBrief, serversByIds } from '../servers/server-store.ts';
import type { Statement, Store } from '../store/store.ts';
import type { RolloutServer } from './rollout-store.ts';
import type { RolloutTables } from './rollout-tables.ts';
import { names, type Standing } from './waves.ts';

/** A state of one server, as it is planned. */
export type PlannedState = { server_id: string; document: ServerState; base: ServerContent; sha256: string };
export type StateRow = RolloutTables['rollout_states'];

/** A new agent has a minute to reach the control plane, and the one before needs as long to be back. */
const silent_within_ms = 300_000;
/** A service that is in one of these fell ill. */
export const ill_states: readonly string[] = ['unhealthy', 'crash_looping', 'failed'];

export async function statesOfRollout(store: Store, operation_id: string): Promise<Map<string, StateRow>> {
  const query = store.db.selectFrom('rollout_states').selectAll().where('operation_id', '=', operation_id);
  return new Map((await query.execute()).map((row) => [row.server_id, row]));
}

export function insertStates(store: Store, operation_id: string, states: readonly PlannedState[]): Statement[] {
  const rows = states.map(({ server_id, document, base, sha256 }) => ({
    ...{ operation_id, server_id, version: document.version, sha256 },
    ...{ document: JSON.stringify(document), base: JSON.stringify(base), put_at: null, ill: '[]' },
  }));
  const statements: Statement[] = [];
  for (let start = 0; start < rows.length; start += 200)
    statements.push({ query: store.db.insertInto('rollout_states').values(rows.slice(start, start + 200)) });
  return statements;
}

/**
 * Makes the states of these servers their own. One that was given another state since is left as it is, and so is one that was removed. The batch is
 * undone where one is given another at this very moment.
 */
export async function putStates(
  { store }: Context,
  { id: operation_id, grant_jws }: Pick<OperationRow, 'id' | 'grant_jws'>,
  states: readonly Pick<StateRow, 'server_id' | 'version' | 'document' | 'base' | 'sha256'>[],
  now: number,
): Promise<Statement[]> {
  const ids = states.map(({ server_id }) => server_id);
  const servers = await serversByIds(store, ids);
  const reported = await reportedStates(store, [...servers.values()]);
  const rows = await store.db.selectFrom('servers').select(['id', 'state_version']).where('id', 'in', ids).execute();
  const versions = new Map(rows.map(({ id, state_version }) => [id, state_version]));
  return states
    .filter(({ server_id, version }) => versions.get(server_id) === version - 1)
    .flatMap(({ server_id, version, document, base, sha256 }) => [
      ...putServerState(store, {
        ...{ version, sha256, operation_id, grant_jws: grant_jws!, created_at: now },
        ...{ document: JSON.parse(document), base: JSON.parse(base) },
      }),
      {
        query: store.db
          .updateTable('rollout_states')
          .set({ put_at: now, ill: JSON.stringify(illServices(reported.get(server_id) ?? null)) })
          .where('operation_id', '=', operation_id)
          .where('server_id', '=', server_id),
        rows: 1,
      },
    ]);
}

type Stands = Pick<Standing, 'state' | 'message' | 'hint' | 'silent_within_ms'> & { told: Told | null };

/** How a server stands to the state that is, or comes to be, its own. */
export function standingOf(
  one: RolloutServer,
  server: ServerBrief | undefined,
  reported: AgentState | null,
  about: { row: OperationRow; state: StateRow | undefined },
): Stands {
  const left = (message: string): Stands => ({ state: 'left', message, hint: null, told: null });
  const { row, state } = about;
  if (!server || !state) return left('The server was removed.');
  if (one.admitted_at !== null && state.put_at === null)
    return left('Its state was changed meanwhile: update its agent by itself.');
  const told = stateTold(server, reported, row, state.version);
  const stands: Stands = { ...told, told, ...(one.was_online ? { silent_within_ms } : {}) };
  if (told.state !== 'succeeded') return stands;
  const wanted = (JSON.parse(state.document) as ServerState).agent?.version;
  if (reported?.agent_version !== wanted)
    return { ...stands, state: 'running', message: `It does not report as ${wanted} yet.` };
  const before = JSON.parse(state.ill) as string[];
  const ill = illServices(reported).filter((service) => !before.includes(service));
  if (ill.length === 0) return stands;
  return { ...stands, state: 'unsteady', message: `Its agent was updated, and ${names(ill)} fell ill.` };
}

/** A state that came after it, such as one that drains the server, has the new agent as well. */
function stateTold(server: ServerBrief, reported: AgentState | null, row: OperationRow, version: number): Told {
  const receipt = reported?.server ?? null;
  if (receipt && receipt.version > version)
    return { state: receipt.state, message: receipt.message, hint: receipt.hint };
  return toldBy(server, reported, { ...row, stack_id: null, version });
}

function illServices(reported: AgentState | null): string[] {
  return Object.entries(reported?.services ?? {})
    .filter(([, { state }]) => ill_states.includes(state))
    .map(([name]) => name);
}
