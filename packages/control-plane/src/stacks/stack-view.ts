/** How a stack is: computed from what its servers reported, at the moment of asking. */
import type { AgentState, ServiceObserved } from '@mainstay/contract/agent-api';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { StackProxy, StackView } from '@mainstay/contract/operations/stacks';
import type { Context } from '../context.ts';
import { drainedServers, isDrained } from '../servers/server-state-store.ts';
import { reportedStates, type ServerBrief } from '../servers/server-store.ts';
import { baseVersion, findVersion, heldServices, pausedOf, type StackRow, type StackVersion } from './stack-store.ts';

export async function viewOfStack(
  context: Context,
  stack: StackRow,
  servers: readonly ServerBrief[],
): Promise<StackView> {
  const base = await baseVersion(context.store, stack);
  const newest = await findVersion(context.store, stack.id, stack.desired_version);
  const states = await reportedStates(context.store, servers);
  const drained = await drainedServers(context.store);
  // A server that is drained is left out of what the stack is.
  const active = servers.filter(({ id }) => !isDrained(id, drained, states.get(id) ?? null));
  const shares = active.map((server) => shareOf(stack, base, server, states.get(server.id) ?? null));
  const { health, message } =
    servers.length > 0 && active.length === 0 ? all_drained : healthOf(newest ?? base, active, shares);
  return {
    id: stack.id,
    name: stack.name,
    health,
    message,
    version: stack.desired_version,
    serving_version: stack.serving_version || null,
    servers: servers.map((server) => server.name),
    services: Object.keys(base?.document.services ?? newest?.document.services ?? {}),
    url: shares.reduce<string | null>((url, share) => shorter(url, share.url), null),
    held_services: heldServices(stack),
    paused: pausedOf(stack),
    webhook: stack.webhook_digest !== null,
    updated_at: stack.updated_at,
  };
}

/** The services of a stack on one server: desired from the stack, observed from the server's last report. */
export function servicesOnServer(
  stack: StackRow,
  base: StackVersion | null,
  server: ServerBrief,
  reported: AgentState | null,
): ServiceOnServer[] {
  const observed = reported?.stack_id === stack.id ? reported.services : {};
  const desired = base?.document.services ?? {};
  const names = [...new Set([...Object.keys(desired), ...Object.keys(observed)])].sort();
  return names.map((service) => ({
    stack: stack.name,
    service,
    server: server.name,
    server_online: server.online === 1,
    reported_at: server.last_seen_at,
    desired_release_id: desired[service]?.release_id ?? null,
    desired_commit: desired[service]?.source.commit ?? null,
    route: desired[service]?.route?.prefix ?? null,
    observed: observed[service] ?? null,
  }));
}

/** The proxies before a stack, by what its servers last reported of it. */
export async function proxiesOfStack(
  { store }: Context,
  stack: StackRow,
  servers: readonly ServerBrief[],
): Promise<StackProxy[]> {
  const states = await reportedStates(store, servers);
  return servers.map(({ id, name }) => {
    const reported = states.get(id);
    const proxy = reported?.stack_id === stack.id ? reported.proxy : null;
    return { server: name, state: proxy?.state ?? 'none', address: proxy?.address ?? null };
  });
}

/** What one server adds to the health of its stack. */
type Share = { problems: string[]; is_serving: boolean; is_moving: boolean; url: string | null };

/** Shares by the report that they were made from, so that a page about a thousand servers costs only what was reported since. */
const shares = new WeakMap<AgentState, { of: string; share: Share }>();

function shareOf(stack: StackRow, base: StackVersion | null, server: ServerBrief, reported: AgentState | null): Share {
  const of = `${stack.id} ${base?.version} ${server.name} ${server.online}`;
  const known = reported === null ? undefined : shares.get(reported);
  if (known?.of === of) return known.share;
  const rows = servicesOnServer(stack, base, server, reported);
  const share = {
    problems: server.online
      ? [...proxyProblems(server, rows, reported), ...rows.flatMap((row) => problemOf(row) ?? [])]
      : [],
    is_serving: rows.some((row) => row.observed?.state === 'running'),
    is_moving: server.online === 1 && isMoving(stack, reported),
    url: rows.reduce<string | null>((url, row) => shorter(url, row.observed?.url ?? null), null),
  };
  if (reported !== null) shares.set(reported, { of, share });
  return share;
}

/** The server is taking up what is desired: it carries a change out, or was given the stack and has not answered yet. */
function isMoving(stack: StackRow, reported: AgentState | null): boolean {
  if (reported === null) return false;
  return reported.stack_id === stack.id ? reported.receipt?.state === 'running' : reported.refusal === null;
}

const all_drained: Health = { health: 'offline', message: 'All its servers are drained.' };

type Health = Pick<StackView, 'health' | 'message'>;

function healthOf(newest: StackVersion | null, servers: ServerBrief[], shares: Share[]): Health {
  if (servers.length === 0) return { health: 'empty', message: 'No server runs it yet.' };
  const offline = servers.filter((server) => !server.online);
  if (offline.length === servers.length) {
    return {
      health: 'offline',
      message: `${namesOf(offline)} ${offline.length === 1 ? 'has' : 'have'} not reported for a while.`,
    };
  }
  const deploying = newest?.row.state === 'running' || shares.some((share) => share.is_moving);
  const problems = shares.flatMap((share) => share.problems);
  if (deploying) return { health: 'deploying', message: `Version ${newest?.version} is on its way.` };
  const serving = shares.some((share) => share.is_serving);
  if (problems.length > 0) {
    const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
    return { health: serving ? 'degraded' : 'failed', message: `${problems[0]}${more}` };
  }
  if (offline.length > 0) return { health: 'degraded', message: `${namesOf(offline)} is offline.` };
  if (newest?.row.state === 'failed') {
    return {
      health: serving ? 'degraded' : 'failed',
      message: `Version ${newest.version} failed; what ran before goes on.`,
    };
  }
  return { health: 'healthy', message: null };
}

/** A service that is healthy by itself is of no use while the proxy before it does not answer. */
function proxyProblems(server: ServerBrief, rows: ServiceOnServer[], reported: AgentState | null): string[] {
  const routed = rows.some((row) => row.observed?.url);
  if (!reported || !routed) return [];
  const told = reported.problems
    .filter((problem) => problem.code === 'proxy')
    .map((problem) => `${server.name}: ${problem.message}`);
  return told.length > 0 || reported.proxy.state !== 'down' ? told : [`The proxy on ${server.name} is down`];
}

/** What is wrong with a service, in a few words; null when it runs its desired release and is healthy. */
function problemOf(row: ServiceOnServer): string | null {
  const at = `${row.service} on ${row.server}`;
  const { observed } = row;
  if (row.desired_release_id === null) return null;
  if (!observed) return `${at} has not been reported yet`;
  if (observed.state !== 'running') return `${at} is ${stateInWords(observed.state)}`;
  if (observed.release_id !== row.desired_release_id) return `${at} does not run the release that is desired`;
  if (observed.health.state !== 'healthy') return `${at} is not healthy: ${observed.health.message ?? 'no answer yet'}`;
  return null;
}

function stateInWords(state: ServiceObserved['state']): string {
  return state.replace('_', ' ');
}

function namesOf(servers: ServerBrief[]): string {
  return servers.map((server) => server.name).join(', ');
}

/** Of two addresses the one that stands for a stack: that of the service nearer to the root. */
function shorter(one: string | null, other: string | null): string | null {
  if (one === null || other === null) return one ?? other;
  return other.length < one.length ? other : one;
}
