/**
 * The agent's metrics in Prometheus text form (exposition format 0.0.4), made from what a heartbeat tells. Written by hand:
 * a metrics library would cost more memory than all that it would say here.
 */
import type { AgentState, ServiceState } from '@mainstay/contract/agent-api';

const serviceStates = Object.keys({
  pending: 1,
  building: 1,
  starting: 1,
  running: 1,
  unhealthy: 1,
  crash_looping: 1,
  failed: 1,
  stopped: 1,
} satisfies Record<ServiceState, 1>);

type Labels = Record<string, string>;
type Sample = { labels?: Labels; value: number | null };

export function renderAgentMetrics(state: AgentState, connected: boolean): string {
  const lines: string[] = [];
  const metric = (name: string, type: 'gauge' | 'counter', help: string, samples: Sample[]) => {
    const present = samples.filter(({ value }) => value !== null);
    if (present.length === 0) return;
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`);
    for (const { labels, value } of present) lines.push(`${name}${renderLabels(labels)} ${value}`);
  };
  const services = Object.entries(state.services);
  const each = (value: (service: AgentState['services'][string]) => number | null): Sample[] =>
    services.map(([service, observed]) => ({ labels: { service }, value: value(observed) }));

  metric('mainstay_agent_connected', 'gauge', 'Whether the last exchange with the control plane succeeded.', [
    { value: connected ? 1 : 0 },
  ]);
  metric('mainstay_agent_resident_bytes', 'gauge', 'Resident memory of the agent.', [
    { value: state.usage.agent_rss_bytes },
  ]);
  metric('mainstay_agent_desired_version', 'gauge', 'Version of the accepted desired state.', [
    { value: state.accepted_version },
  ]);
  metric('mainstay_agent_problems', 'gauge', 'Problems that need a person.', [{ value: state.problems.length }]);
  metric('mainstay_agent_backlog', 'gauge', 'What waits for the control plane.', [
    { labels: { kind: 'events' }, value: state.backlog.events },
    { labels: { kind: 'log_lines' }, value: state.backlog.log_lines },
  ]);
  metric('mainstay_agent_dropped_total', 'counter', 'What was dropped because the backlog was full.', [
    { labels: { kind: 'events' }, value: state.backlog.dropped_events },
    { labels: { kind: 'log_lines' }, value: state.backlog.dropped_log_lines },
  ]);
  metric(
    'mainstay_service_state',
    'gauge',
    'State of a service: 1 for the one that it is in.',
    services.flatMap(([service, { state: now }]) =>
      serviceStates.map((name) => ({ labels: { service, state: name }, value: name === now ? 1 : 0 })),
    ),
  );
  metric(
    'mainstay_service_restarts_total',
    'counter',
    'Restarts of the serving release that were not asked for.',
    each((s) => s.restarts),
  );
  metric(
    'mainstay_service_memory_bytes',
    'gauge',
    'Memory of a service with all its processes.',
    each((s) => s.memory_bytes),
  );
  metric(
    'mainstay_service_cpu_cores',
    'gauge',
    'Processor use of a service; 1 is one core.',
    each((s) => s.cpu_fraction),
  );
  return `${lines.join('\n')}\n`;
}

function renderLabels(labels: Labels | undefined): string {
  if (!labels) return '';
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`,
  );
  return `{${parts.join(',')}}`;
}
