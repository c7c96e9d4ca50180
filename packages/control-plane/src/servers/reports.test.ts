import { join } from 'node:path';
import { AgentState, type AgentStateSent } from '@mainstay/contract/agent-api';
import { agentState, serviceObserved } from '@mainstay/contract/testing/agent-state';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { expect, it, vi } from 'vitest';
import { startFixture } from '../testing/fixture.ts';
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

it('a server whose reports say nothing new is seen all the same, and is told when none of them can be written', async () => {
  const at = await startFixture();
  try {
    const server = await at.enrol('h1');
    const beat = async () => (await server.send('POST', '/heartbeat', { sent_at: 1, state: server.state })).status;
    const seen = async () => (await at.client['servers.get']({ server: 'h1' })).server.last_seen_at!;
    expect(await beat()).toBe(200);
    const before = await seen();
    expect(await beat()).toBe(200);
    await vi.waitFor(async () => expect(await seen()).toBeGreaterThan(before), { timeout: 20_000 });
    const database = openSqlite(join(at.home, 'mainstay.db'));
    database.exec("CREATE TRIGGER stuck BEFORE UPDATE ON servers BEGIN SELECT RAISE(ABORT, 'stuck'); END");
    await vi.waitFor(async () => expect(await beat()).toBe(500), { timeout: 20_000, interval: 100 });
    database.exec('DROP TRIGGER stuck');
    database.close();
    expect(await beat()).toBe(200);
  } finally {
    await at.stop();
  }
});
