import * as http from 'node:http';
import type { AddressInfo } from 'node:net';
import { HealthCheck } from '@mainstay/contract/stack';
import { fakeClock } from '@mainstay/runtime/clock';
import { afterEach, expect, test, vi } from 'vitest';
import { type HealthWatch, watchHealth } from './watch.ts';

let server: http.Server;
let watch: HealthWatch;
afterEach(() => {
  watch.stop();
  server.close();
});

test('the last checks are told one by one, and no more than twenty of them', async () => {
  let status = 200;
  server = http.createServer((_, response) => response.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const clock = fakeClock();
  const changes: string[] = [];
  watch = watchHealth({
    clock,
    port,
    health: () => HealthCheck.parse({ interval_seconds: 5, timeout_seconds: 20, unhealthy_threshold: 2 }),
    healthy: true,
    onChange: ({ state }) => changes.push(state),
    onHung: () => {},
  });
  const check = async () => {
    const before = watch.status().checked_at;
    await clock.advance(5_000);
    await vi.waitFor(() => expect(watch.status().checked_at).not.toBe(before), { timeout: 20_000, interval: 5 });
    return watch.status();
  };
  expect(watch.status()).toMatchObject({ state: 'healthy', latency_ms: null, status: null, recent: [] });
  const first = await check();
  expect(first).toMatchObject({ state: 'healthy', status: 200, consecutive_failures: 0, message: null });
  expect(first.latency_ms).toBeGreaterThanOrEqual(0);
  expect(first.recent).toEqual([{ at: clock.now(), ok: true, latency_ms: first.latency_ms, message: null }]);

  status = 503;
  await check();
  const bad = await check();
  expect(bad).toMatchObject({ state: 'unhealthy', status: 503, consecutive_failures: 2 });
  expect(bad.recent.map(({ ok }) => ok)).toEqual([true, false, false]);
  expect(bad.recent[2]).toMatchObject({ at: clock.now(), message: `GET / on port ${port} answered 503` });

  status = 200;
  for (let i = 0; i < 8; i++) await check();
  expect(watch.status().recent.map(({ ok }) => ok)).toEqual([false, false, ...Array.from({ length: 8 }, () => true)]);
  await check();
  const { recent, consecutive_failures, state } = watch.status();
  expect([consecutive_failures, state, recent.length]).toEqual([0, 'healthy', 10]);
  expect(recent.map(({ ok }) => ok)).toEqual([false, ...Array.from({ length: 9 }, () => true)]);
  expect(changes).toEqual(['unhealthy', 'healthy']);
});
