import { AgentState, type AgentStateSent } from '@mainstay/contract/agent-api';
import { expect, it } from 'vitest';
import { noticeOf } from './reports.ts';

const base: AgentStateSent = {
  agent_version: '1',
  started_at: 1,
  facts: {
    hostname: 'x',
    os: 'x',
    kernel: 'x',
    arch: 'x',
    cpus: 1,
    memory_bytes: 1,
    supervisor: 'process',
    proxy: 'none',
  },
  stack_id: null,
  accepted_version: 1,
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
};

type Health = AgentStateSent['services'][string]['health'];

function notice(health: Partial<Health>): string {
  const api: AgentStateSent['services'][string] = {
    state: 'running',
    release_id: null,
    commit: null,
    pid: 1,
    port: 1,
    url: null,
    internal_url: null,
    since: 1,
    restarts: 0,
    health: { state: 'healthy', checked_at: 1, message: null, ...health },
    memory_bytes: null,
    cpu_fraction: null,
    candidate: null,
    last_failure: null,
    releases: [],
  };
  return noticeOf(AgentState.parse({ ...base, services: { api } }));
}

it('a check that went as the one before is no news, however long it took', () => {
  const before = notice({});
  const recent = [{ at: 2, ok: true, latency_ms: 7, message: null }];
  expect(notice({ checked_at: 2, latency_ms: 7, status: 204, recent })).toBe(before);
  expect(notice({ checked_at: 2, consecutive_failures: 1 })).toBe(before);
  expect(notice({ checked_at: 2, message: 'no answer', consecutive_failures: 1 })).not.toBe(before);
  expect(notice({ state: 'unhealthy' })).not.toBe(before);
});
