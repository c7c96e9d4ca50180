/** What a server reports, made by hand for tests: quiet and healthy, but for what a test says otherwise. */
import type { AgentStateSent, ServerFacts } from '../agent-api.ts';

type ServiceObservedSent = AgentStateSent['services'][string];

export function serverFacts(facts: Partial<ServerFacts> = {}): ServerFacts {
  return {
    hostname: 'server',
    os: 'Debian 12',
    kernel: '6.1',
    arch: 'x64',
    cpus: 2,
    memory_bytes: 1,
    supervisor: 'simulated',
    proxy: 'none',
    ...facts,
  };
}

/** An agent that has no stack yet. */
export function agentState(state: Partial<AgentStateSent> = {}): AgentStateSent {
  return {
    agent_version: '0.0.0',
    started_at: 1,
    facts: serverFacts(),
    stack_id: null,
    accepted_version: null,
    accepted_sha256: null,
    receipt: null,
    refusal: null,
    services: {},
    proxy: { state: 'none', pid: null, address: null },
    usage: {
      cpu_fraction: null,
      load1: 0,
      memory_used_bytes: 0,
      disk_used_bytes: 0,
      disk_total_bytes: 1,
      agent_rss_bytes: 1,
    },
    backlog: { events: 0, log_lines: 0, dropped_events: 0, dropped_log_lines: 0 },
    problems: [],
    ...state,
  };
}

/** A service that runs and is healthy. */
export function serviceObserved(service: Partial<ServiceObservedSent> = {}): ServiceObservedSent {
  return {
    state: 'running',
    release_id: null,
    commit: null,
    pid: 1,
    port: 20_000,
    url: null,
    internal_url: null,
    since: 1,
    restarts: 0,
    health: { state: 'healthy', checked_at: 1, message: null },
    memory_bytes: null,
    cpu_fraction: null,
    candidate: null,
    last_failure: null,
    releases: [],
    ...service,
  };
}
