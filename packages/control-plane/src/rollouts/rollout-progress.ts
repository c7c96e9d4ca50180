/** How the servers of a rollout stand, by what they last reported. Nothing is kept of it: after a restart it comes out the same. */
import type { AgentState, Receipt } from '@mainstay/contract/agent-api';
import type { OperationTarget } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import type { OperationRow } from '../operations/operation-store.ts';
import { type Told, toldBy } from '../operations/told.ts';
import { drainedServers, isDrained } from '../servers/server-state-store.ts';
import { reportedStates, type ServerBrief, serversByIds } from '../servers/server-store.ts';
import { type RolloutRow, type RolloutServer, serversOfRollout } from './rollout-store.ts';
import { ill_states, standingOf, statesOfRollout } from './state-rollout.ts';
import type { Standing } from './waves.ts';

/** A server of a rollout, and how it stands; `told` is what it itself said. */
export type Seen = Omit<Standing, 'admitted_at'> &
  Pick<RolloutServer, 'server_id' | 'wave' | 'admitted_at' | 'passed_at'> & { told: Told | null };

/** How the servers stand to the version of the rollout, or to the one that takes it back. */
export async function seenOf(
  { store }: Context,
  row: OperationRow,
  rollout: RolloutRow,
  version = rollout.version,
): Promise<Seen[]> {
  const rows = await serversOfRollout(store, rollout.operation_id);
  const servers = await serversByIds(
    store,
    rows.map(({ server_id }) => server_id),
  );
  const states = await reportedStates(store, [...servers.values()]);
  const drained = await drainedServers(store);
  const about = { ...row, version };
  const own = rollout.stack_id === '' ? await statesOfRollout(store, rollout.operation_id) : null;
  return rows.map((one) => {
    const server = servers.get(one.server_id);
    if (own) {
      const { online, last_seen_at } = server ?? { online: 0, last_seen_at: null };
      const stands = standingOf(one, server, states.get(one.server_id) ?? null, { row, state: own.get(one.server_id) });
      return { ...one, was_online: one.was_online === 1, online: online === 1, last_seen_at, ...stands };
    }
    return seen(one, server, states.get(one.server_id) ?? null, { row: about, drained });
  });
}

/** The servers whose wave was opened. */
export function admitted(all: readonly Seen[]): (Seen & { admitted_at: number })[] {
  return all.flatMap((one) => (one.admitted_at === null ? [] : [{ ...one, admitted_at: one.admitted_at }]));
}

function seen(
  { server_id, name, wave, admitted_at, passed_at, was_online }: RolloutServer,
  server: ServerBrief | undefined,
  reported: AgentState | null,
  { row, drained }: { row: OperationRow; drained: ReadonlySet<string> },
): Seen {
  const fixed = { server_id, name, wave, admitted_at, passed_at, was_online: was_online === 1 };
  const last = { online: server?.online === 1, last_seen_at: server?.last_seen_at ?? null };
  const why = whyItLeft(server, row);
  if (why !== null || !server) return { ...fixed, ...last, state: 'left', message: why, hint: null, told: null };
  const told = toldBy(server, reported, row);
  // A rollout that it is at comes to its end before it is drained.
  const is_begun = told.state !== 'waiting' && !(told.state === 'running' && reported?.drained);
  if (isDrained(server_id, drained, reported) && !is_begun)
    return {
      ...fixed,
      ...last,
      state: 'left',
      message: 'It was drained; it follows when it is undrained.',
      hint: null,
      told,
    };
  const ill = told.state === 'succeeded' && told.receipt ? fellIll(told.receipt, reported) : null;
  if (ill !== null) return { ...fixed, ...last, state: 'unsteady', message: ill, hint: null, told };
  return { ...fixed, ...last, state: told.state, message: told.message, hint: told.hint, told };
}

function whyItLeft(server: ServerBrief | undefined, row: OperationRow): string | null {
  if (!server) return 'The server was removed.';
  return server.stack_id === row.stack_id ? null : 'It was given another stack.';
}

/** What became of a service that this version switched; null while all is well. Others are no matter of this rollout. */
function fellIll(receipt: Receipt, reported: AgentState | null): string | null {
  for (const [name, { state, release_id }] of Object.entries(receipt.services)) {
    const service = reported?.services[name];
    if (state !== 'switched' || !service || service.release_id !== release_id) continue;
    if (!ill_states.includes(service.state)) continue;
    return `${name} took it, and is ${service.state.replace('_', ' ')} since: ${service.health.message ?? 'see its logs'}`;
  }
  return null;
}

/** As the operation shows its servers while it rolls, and when it has ended. */
export function targetsOf(all: readonly Seen[], rollout: RolloutRow, back: readonly Seen[] | null): OperationTarget[] {
  const waves = Math.max(0, ...all.map(({ wave }) => wave));
  return all.map(({ server_id, name, wave, admitted_at, state, message }): OperationTarget => {
    const returned = back?.find((one) => one.server_id === server_id);
    if (admitted_at === null) {
      const stopped = rollout.state !== 'rolling';
      const text = stopped ? 'Its wave was not begun: it has what it had.' : `Waits for wave ${wave} of ${waves}.`;
      return { server: name, state: stopped ? 'failed' : 'waiting', message: text };
    }
    if (returned?.state === 'succeeded' && state !== 'succeeded')
      return { server: name, state: 'failed', message: `Has again what version ${rollout.previous_version} was.` };
    if (state === 'left') return { server: name, state: 'failed', message };
    return { server: name, state: state === 'unsteady' ? 'failed' : state, message };
  });
}
