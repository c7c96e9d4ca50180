/** Which servers the list shows, and in which order. Pure: a list of thousands is gone through once per change, not per row. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { ServerFilter, ServerOrder, ServersSearch } from './servers-search.ts';

/** A person should look: it is silent, says that something is wrong, or has not come to what is desired. */
export function needsLook(server: ServerView): boolean {
  return server.state === 'offline' || server.problems.length > 0 || isBehind(server);
}

/** It has a stack to run, and does not run what is desired of it. */
export function isBehind({ state, stack, converged, drained }: ServerView): boolean {
  return state !== 'invited' && stack !== null && !converged && !drained;
}

/** Servers whose agent is another release than the one that is handed out, and that can be given it. */
export function outdated(servers: readonly ServerView[], release: string | null): ServerView[] {
  return servers.filter(({ agent_version, updatable }) => release !== null && updatable && agent_version !== release);
}

const passes: Record<ServerFilter, (server: ServerView) => boolean> = {
  online: ({ state }) => state === 'online',
  trouble: needsLook,
  invited: ({ state }) => state === 'invited',
};

export function countsOf(servers: readonly ServerView[]): Record<ServerFilter | 'all', number> {
  const counts = { all: servers.length, online: 0, trouble: 0, invited: 0 };
  for (const server of servers) {
    for (const filter of ['online', 'trouble', 'invited'] as const) if (passes[filter](server)) counts[filter]++;
  }
  return counts;
}

const stateRank = { offline: 0, invited: 1, online: 2 } as const;

/** What a server is ordered by; the least first. */
const ranks: Record<Exclude<ServerOrder, 'name'>, (server: ServerView) => number | string> = {
  state: (server) => (server.state === 'online' && needsLook(server) ? 1.5 : stateRank[server.state]),
  stack: ({ stack }) => stack ?? '\uffff',
  // Busiest first; those that have told nothing last.
  cpu: ({ usage }) => -(usage?.cpu_fraction ?? -1),
  memory: ({ usage }) => -part(usage?.memory_used_bytes, usage?.memory_total_bytes),
  disk: ({ usage }) => -part(usage?.disk_used_bytes, usage?.disk_total_bytes),
  services: ({ services }) => -(services.total - services.running) * 1_000 - services.total,
  agent: ({ agent_version }) => agent_version ?? '\uffff',
};

function part(used: number | undefined, total: number | undefined): number {
  return used === undefined || !total ? -1 : used / total;
}

const names = new Intl.Collator('en', { numeric: true });

/** The servers that fit the search, ordered; by name where they are equal. */
export function serversShown(servers: readonly ServerView[], { q, show, sort }: ServersSearch): ServerView[] {
  const words = (q ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  const shown = servers.filter((server) => {
    if (show !== undefined && !passes[show](server)) return false;
    if (words.length === 0) return true;
    const text = [server.name, server.stack, server.os, server.arch, server.agent_version, server.state]
      .concat(server.problems)
      .join('\n')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const rank = sort === undefined || sort === 'name' ? null : ranks[sort];
  const keyed = shown.map((server) => ({ server, key: rank?.(server) ?? 0 }));
  keyed.sort((a, b) => compare(a.key, b.key) || names.compare(a.server.name, b.server.name));
  return keyed.map(({ server }) => server);
}

function compare(a: number | string, b: number | string): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return names.compare(String(a), String(b));
}
