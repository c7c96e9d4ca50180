/** Kinds of events as people look for them: each kind is in exactly one group. */
import type { EventKind } from '@mainstay/contract/agent-api';

export type EventGroup = 'changes' | 'builds' | 'releases' | 'services' | 'servers' | 'sources' | 'access';

const groupOf: Record<EventKind, EventGroup> = {
  'operation.started': 'changes',
  'operation.succeeded': 'changes',
  'operation.failed': 'changes',
  'operation.denied': 'access',
  'operation.waiting': 'access',
  'operation.approved': 'access',
  'operation.rejected': 'access',
  'operation.expired': 'access',
  'operation.cancelled': 'changes',
  'operation.compensated': 'changes',
  'desired_state.accepted': 'changes',
  'desired_state.refused': 'changes',
  'deployment.started': 'changes',
  'deployment.succeeded': 'changes',
  'deployment.failed': 'changes',
  'stack.paused': 'changes',
  'stack.resumed': 'changes',
  'build.started': 'builds',
  'build.succeeded': 'builds',
  'build.failed': 'builds',
  'candidate.started': 'builds',
  'candidate.failed': 'builds',
  'release.switched': 'releases',
  'release.drained': 'releases',
  'release.stopped': 'releases',
  'release.pruned': 'releases',
  'service.crashed': 'services',
  'service.restarted': 'services',
  'service.unhealthy': 'services',
  'service.healthy': 'services',
  'service.removed': 'services',
  'service.limit_exceeded': 'services',
  'drift.repaired': 'services',
  'agent.started': 'servers',
  'agent.stopped': 'servers',
  'agent.recovered': 'servers',
  'agent.problem': 'servers',
  'proxy.started': 'servers',
  'proxy.restarted': 'servers',
  'server.invited': 'servers',
  'server.enrolled': 'servers',
  'server.online': 'servers',
  'server.offline': 'servers',
  'server.removed': 'servers',
  'server.assigned': 'servers',
  'stack.ref_moved': 'sources',
  'stack.source_unavailable': 'sources',
  'stack.source_available': 'sources',
  'webhook.received': 'sources',
  'webhook.refused': 'sources',
  'access.signed_in': 'access',
  'access.refused': 'access',
};

export const eventGroups: Record<EventGroup, readonly EventKind[]> = {
  changes: kindsOf('changes'),
  builds: kindsOf('builds'),
  releases: kindsOf('releases'),
  services: kindsOf('services'),
  servers: kindsOf('servers'),
  sources: kindsOf('sources'),
  access: kindsOf('access'),
};

function kindsOf(group: EventGroup): EventKind[] {
  return (Object.keys(groupOf) as EventKind[]).filter((kind) => groupOf[kind] === group);
}
