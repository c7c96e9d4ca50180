/** What a simulated agent tells of its services: as large as what a real one would tell. */
import type { AgentStateSent, ServiceState } from '@mainstay/contract/agent-api';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { wantedServices } from '../reconciler/plan.ts';

type Running = { service: string; release_id: string; commit: string };

/** The services of a document, all running; without one, so many that are made up. */
export function simulatedServices(
  document: DesiredState | null,
  ill: ServiceState | null,
  idle_services: number,
  since: number,
  now: number,
): AgentStateSent['services'] {
  const running: Running[] = document
    ? Object.entries(wantedServices(document)).map(([service, { release_id, source }]) => ({
        service,
        release_id,
        commit: source.commit,
      }))
    : Array.from({ length: idle_services }, (_, index) => ({
        service: `service-${index + 1}`,
        release_id: `rel_${String(index).padStart(24, '0')}`,
        commit: String(index).padStart(40, '0'),
      }));
  return Object.fromEntries(
    running.map((one, index) => [one.service, { ...observed(one, index, since, now), ...(ill ? { state: ill } : {}) }]),
  );
}

function observed(
  { service, release_id, commit }: Running,
  index: number,
  since: number,
  now: number,
): AgentStateSent['services'][string] {
  return {
    state: 'running',
    release_id,
    commit,
    pid: 1_000 + index,
    port: 20_000 + index,
    url: `http://127.0.0.1:8080/${service}`,
    internal_url: `http://127.0.0.1:${29_000 + index}`,
    since,
    restarts: 0,
    health: { state: 'healthy', checked_at: now, message: null, latency_ms: 2, status: 200, recent: recentChecks(now) },
    memory_bytes: 60 * 1024 ** 2,
    cpu_fraction: 0.01,
    candidate: null,
    last_failure: null,
    releases: [{ release_id, commit, state: 'serving', created_at: since }],
  };
}

/** As many answers as a real agent tells of while all is well. */
function recentChecks(now: number) {
  return Array.from({ length: 3 }, (_, index) => ({
    at: now - (2 - index) * 10_000,
    ok: true,
    latency_ms: 2,
    message: null,
  }));
}
