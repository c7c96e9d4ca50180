/** The observed state of the services, as heartbeats tell it. */
import type { AgentState, ServiceObserved, ServiceState } from '@mainstay/contract/agent-api';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { unknownHealth } from '../health/watch.ts';
import type { LiveInstance } from './instances.ts';
import type { Parts } from './parts.ts';
import { wantedServices } from './plan.ts';
import { externalAddress } from './proxy-config.ts';

type Usage = { memory_bytes: number; cpu_seconds: number; cpu_fraction: number | null; at: number };

export type Observer = { services(): Promise<AgentState['services']> };

/** Usage is measured at most this often, milliseconds: it walks /proc. */
const usage_age_ms = 5_000;

export function createObserver(parts: Parts): Observer {
  const { context, upkeep, progress } = parts;
  const { state, supervisor, clock } = context;
  const usages = new Map<string, Usage>();

  const usageOf = async ({ id }: LiveInstance): Promise<Usage | null> => {
    const before = usages.get(id);
    const at = clock.now();
    if (before && at - before.at < usage_age_ms) return before;
    const usage = await supervisor.usage(id);
    if (!usage) return null;
    const { memory_bytes, cpu_seconds } = usage;
    const cpu_fraction = before ? Math.max(0, (cpu_seconds - before.cpu_seconds) / ((at - before.at) / 1000)) : null;
    const now = { memory_bytes, cpu_seconds, cpu_fraction, at };
    usages.set(id, now);
    return now;
  };

  const observe = async (service: string, document: DesiredState | null): Promise<ServiceObserved> => {
    const applied = wantedServices(document)[service] ?? null;
    const kept = upkeep.status(service);
    const instance = kept?.instance && !kept.instance.exit ? kept.instance : null;
    const usage = instance && (await usageOf(instance));
    const record = state.services.get(service);
    const releases = state.releases.list(service);
    const candidate = progress.of(service);
    const release_id = applied?.release_id ?? null;
    return {
      state: kept?.state ?? stateWithout(applied !== null, candidate?.stage ?? null, record?.last_failure != null),
      release_id,
      commit: applied?.source.commit ?? null,
      pid: instance?.pid ?? null,
      port: instance?.port ?? null,
      url: document && applied?.route ? `http://${addressOf(document)}${applied.route.prefix}` : null,
      internal_url: record ? `http://127.0.0.1:${record.internal_port}` : null,
      since: instance?.started_at ?? null,
      restarts: record && record.restarts_of === release_id ? record.restarts : 0,
      health: kept?.health ?? unknownHealth,
      memory_bytes: usage?.memory_bytes ?? null,
      cpu_fraction: usage?.cpu_fraction ?? null,
      candidate,
      last_failure: record?.last_failure ?? null,
      releases: releases
        .slice(0, 50)
        .map(({ release_id: id, desired: { source }, state: release_state, created_at }) => {
          const text = state.commits.get(source.commit);
          return {
            release_id: id,
            commit: source.commit,
            commit_subject: text?.subject ?? null,
            commit_author: text?.author ?? null,
            commit_at: text?.committed_at ?? null,
            state: release_state,
            created_at,
          };
        }),
    };
  };

  return {
    async services() {
      const applied = state.desired.applied()?.document ?? null;
      const accepted = state.desired.accepted()?.document ?? null;
      const names = new Set([...Object.keys(wantedServices(applied)), ...Object.keys(wantedServices(accepted))]);
      const live = new Set(parts.instances.all().map(({ id }) => id));
      for (const id of usages.keys()) if (!live.has(id)) usages.delete(id);
      const services: AgentState['services'] = {};
      for (const service of names) services[service] = await observe(service, applied);
      return services;
    },
  };
}

/** The proxy, as heartbeats tell it. */
export function proxyObserved({ routing, proxy_upkeep }: Parts): AgentState['proxy'] {
  const document = routing.document();
  if (!document || Object.keys(wantedServices(document)).length === 0)
    return { state: 'none', pid: null, address: null };
  const pid = proxy_upkeep.pid();
  return { state: pid === null ? 'down' : 'running', pid, address: addressOf(document) };
}

/** State of a service that upkeep does not have: it is being switched, or has never served. */
function stateWithout(serves: boolean, stage: string | null, has_failed: boolean): ServiceState {
  if (serves) return 'starting';
  if (stage === 'sync' || stage === 'build') return 'building';
  if (stage !== null) return 'starting';
  return has_failed ? 'failed' : 'pending';
}

function addressOf(document: DesiredState): string {
  const { host, port } = externalAddress(document);
  return `${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
}
