import { AgentState, type AgentStateSent } from '@mainstay/contract/agent-api';
import { agentState, serviceObserved } from '@mainstay/contract/testing/agent-state';
import { expect, it } from 'vitest';
import { noticeOf } from './reports.ts';

type Health = AgentStateSent['services'][string]['health'];

function notice(health: Partial<Health>): string {
  const api = serviceObserved({ health: { state: 'healthy', checked_at: 1, message: null, ...health } });
  return noticeOf(AgentState.parse(agentState({ services: { api } })));
}

it('a check that went as the one before is no news, however long it took', () => {
  const before = notice({});
  const recent = [{ at: 2, ok: true, latency_ms: 7, message: null }];
  expect(notice({ checked_at: 2, latency_ms: 7, status: 204, recent })).toBe(before);
  expect(notice({ checked_at: 2, consecutive_failures: 1 })).toBe(before);
  expect(notice({ checked_at: 2, message: 'no answer', consecutive_failures: 1 })).not.toBe(before);
  expect(notice({ state: 'unhealthy' })).not.toBe(before);
});

it('drift that is found or put back is news, and so are names', () => {
  const one = { what: 'a', expected: 'b', found: 'c', by: null, changed_at: null, found_at: 1, put_back_at: null };
  const names = { state: 'active', how: 'hosts', address: null } as const;
  const notices = [{}, { drift: [one] }, { drift: [{ ...one, put_back_at: 2 }] }, { names }].map((state) =>
    noticeOf(AgentState.parse(agentState(state))),
  );
  expect(new Set(notices).size).toBe(4);
});
