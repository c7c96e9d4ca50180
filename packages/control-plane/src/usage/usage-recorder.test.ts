import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentState } from '@mainstay/contract/agent-api';
import { type FakeClock, fakeClock } from '@mainstay/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Context } from '../context.ts';
import { openStore, type Store } from '../store/store.ts';
import { reconcileUsage, rollUp } from './usage.reconciler.ts';
import { samplesOf, timelineOf } from './usage-history.ts';
import { createUsageRecorder } from './usage-recorder.ts';
import { pruneUsage } from './usage-store.ts';

const minute_ms = 60_000;
const hour_ms = 60 * minute_ms;
const stack_id = `stk_${'0'.repeat(32)}`;
const midnight = Date.UTC(2026, 0, 1);

let folder: string;
let store: Store;
let clock: FakeClock;
let context: Pick<Context, 'store' | 'clock' | 'usage'>;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-usage-'));
  store = await openStore(join(folder, 'db'));
  clock = fakeClock(midnight);
  begin();
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

/** A control plane's part of it that starts; what the one before had in memory is gone. */
function begin() {
  context = { store, clock, usage: createUsageRecorder({ store, clock }) };
}

type Reported = { cpu?: number | null; web?: { cpu?: number; restarts?: number; state?: string; health?: string } };

function report({ cpu = 0.5, web }: Reported, sent_at = clock.now(), server_id = 'srv_1') {
  const service = {
    state: web?.state ?? 'running',
    release_id: 'rel_1',
    restarts: web?.restarts ?? 0,
    health: { state: web?.health ?? 'healthy' },
    memory_bytes: 64 * 2 ** 20,
    cpu_fraction: web?.cpu ?? 0.1,
  };
  const usage = { cpu_fraction: cpu, load1: 1, memory_used_bytes: 2 ** 30, disk_used_bytes: 2 ** 33 };
  const state = { usage, stack_id, services: web ? { web: service } : {} };
  context.usage.take(server_id, sent_at, state as unknown as AgentState);
}

const own = { server_id: 'srv_1', stack_id: '', service: '' };
const web = { server_id: 'srv_1', stack_id, service: 'web' };

/** What is known of the last so many intervals, oldest first. */
async function seen(series: typeof own, range: '1h' | '24h' | '14d', last: number) {
  return (await samplesOf(context, series, timelineOf(range, clock.now()))).slice(-last);
}

describe('a minute', () => {
  it('is the average of its reports, and a minute without any is a gap', async () => {
    for (const cpu of [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]) {
      report({ cpu });
      await clock.advance(10_000);
    }
    await clock.advance(2 * minute_ms);
    report({ cpu: 1 });
    const [first, second, third, fourth] = await seen(own, '1h', 4);
    expect(first).toMatchObject({ cpu: expect.closeTo(0.35), cpu_max: 0.6, memory_bytes: 2 ** 30, load1: 1 });
    expect([second, third]).toEqual([null, null]);
    expect(fourth).toMatchObject({ cpu: 1 });
  });

  it('counts a report once that comes twice or late, and no measure twice', async () => {
    report({ cpu: 0.2, web: { restarts: 1 } });
    await clock.advance(10_000);
    const sent_at = clock.now();
    report({ cpu: 0.4, web: { restarts: 2 } });
    report({ cpu: 0.4, web: { restarts: 2 } }, sent_at);
    report({ cpu: 0.9, web: { restarts: 1 } }, sent_at - 5_000);
    await clock.advance(100);
    report({ cpu: 0.4, web: { restarts: 2, health: 'unhealthy' } });
    expect(await seen(own, '1h', 1)).toMatchObject([{ cpu: expect.closeTo(0.3), cpu_max: 0.4 }]);
    expect(await seen(web, '1h', 1)).toMatchObject([{ restarts: 1, health: 'unhealthy' }]);
  });

  it('goes on when the clock of a server is set back', async () => {
    report({ cpu: 0.2 });
    await clock.advance(minute_ms);
    report({ cpu: 0.7 }, clock.now() - hour_ms);
    expect(await seen(own, '1h', 2)).toMatchObject([{ cpu: 0.2 }, { cpu: 0.7 }]);
  });

  it('says what is not known with null, not with zero', async () => {
    report({ cpu: null });
    expect(await seen(own, '1h', 1)).toMatchObject([{ cpu: null, cpu_max: null, memory_bytes: 2 ** 30 }]);
  });

  it('tells the worst health, restarts since the report before, and nothing of a service that is not to run', async () => {
    report({ web: { restarts: 7 } });
    await clock.advance(minute_ms);
    report({ web: { restarts: 7 } });
    await clock.advance(10_000);
    report({ web: { restarts: 9, state: 'crash_looping' } });
    await clock.advance(10_000);
    report({ web: { restarts: 9 } });
    await clock.advance(minute_ms);
    report({ web: { restarts: 9, state: 'stopped' } });
    expect(await seen(web, '1h', 3)).toMatchObject([
      { health: 'healthy', restarts: 0 },
      { health: 'down', restarts: 2 },
      { health: null, restarts: 0 },
    ]);
  });
});

describe('a restart', () => {
  it('that is orderly in the middle of a minute takes nothing from it', async () => {
    report({ cpu: 0.2, web: { restarts: 1 } });
    await clock.advance(10_000);
    report({ cpu: 0.2, web: { restarts: 2 } });
    await context.usage.stop();
    begin();
    await clock.advance(10_000);
    report({ cpu: 0.4, web: { restarts: 2 } });
    expect(await seen(own, '1h', 1)).toMatchObject([{ cpu: expect.closeTo(0.3) }]);
    expect(await seen(web, '1h', 1)).toMatchObject([{ restarts: 1 }]);
    await context.usage.stop();
    begin();
    expect(await seen(own, '1h', 1)).toMatchObject([{ cpu: expect.closeTo(0.3) }]);
  });

  it('by a kill takes the open minute only, and the chunk goes on', async () => {
    for (const cpu of [0.1, 0.2]) {
      report({ cpu });
      await clock.advance(minute_ms);
    }
    expect(await context.usage.write()).toBe(0);
    report({ cpu: 0.3 });
    begin();
    await clock.advance(minute_ms);
    report({ cpu: 0.4 });
    await clock.advance(minute_ms);
    await context.usage.write();
    expect(await seen(own, '1h', 5)).toMatchObject([{ cpu: 0.1 }, { cpu: 0.2 }, null, { cpu: 0.4 }, null]);
    expect(await store.db.selectFrom('usage_chunks').select('id').execute()).toHaveLength(1);
  });
});

describe('a store that cannot be written', () => {
  it('is waited for with the last quarter of an hour in memory, and no more', async () => {
    const { batch } = store;
    store.batch = () => Promise.reject(new Error('disk full'));
    for (let minute = 0; minute < 40; minute++) {
      report({ cpu: 0.5, web: {} });
      await clock.advance(minute_ms);
      await expect(context.usage.write()).rejects.toThrow('disk full');
    }
    expect(context.usage.unwritten(own)).toHaveLength(15);
    store.batch = batch;
    await context.usage.write();
    expect(context.usage.unwritten(own)).toEqual([]);
    const minutes = await seen(own, '1h', 41);
    expect(minutes.map((minute) => minute?.cpu ?? null)).toEqual([
      ...Array.from({ length: 25 }, () => null),
      ...Array.from({ length: 15 }, () => 0.5),
      null,
    ]);
  });
});

describe('quarters of an hour', () => {
  it('are of the minutes that there were, before and after they are rolled up, however often that is done', async () => {
    for (let minute = 0; minute < 60; minute++) {
      if (minute < 30 || minute >= 45) report({ cpu: minute < 15 ? 0.1 : 0.3, web: { restarts: minute } });
      await clock.advance(minute_ms);
      await context.usage.write();
    }
    const expected = [{ cpu: 0.1 }, { cpu: expect.closeTo(0.3) }, null, { cpu: expect.closeTo(0.3) }, null];
    expect(await seen(own, '14d', 5)).toMatchObject(expected);
    expect(await rollUp(store, clock.now(), 10), 'its last minute may still come').toBe(0);
    await clock.advance(2 * minute_ms);
    expect(await rollUp(store, clock.now(), 10)).toBe(2);
    expect(await rollUp(store, clock.now(), 10)).toBe(0);
    expect(await seen(own, '14d', 5)).toMatchObject(expected);
    await store.db.updateTable('usage_chunks').set({ rolled_up: 0 }).where('resolution_seconds', '=', 60).execute();
    expect(await rollUp(store, clock.now(), 10)).toBe(2);
    expect(await seen(own, '14d', 5)).toMatchObject(expected);
    expect((await seen(web, '14d', 5)).map((quarter) => quarter?.restarts ?? null)).toEqual([14, 15, null, 30, null]);
  });
});

describe('fourteen days', () => {
  it('stay within their bounds, and every quarter of them is there', { timeout: 120_000 }, async () => {
    const days = 16;
    for (let minute = 0; minute < days * 1_440; minute++) {
      report({ cpu: (minute % 97) / 97, web: { cpu: (minute % 89) / 89, restarts: Math.floor(minute / 1_000) } });
      await clock.advance(minute_ms);
      if (minute % 12 === 0) await reconcileUsage(context);
      if (minute % 360 === 0) await pruneUsage(store, clock.now());
    }
    await reconcileUsage(context);
    await pruneUsage(store, clock.now());
    const quarters = await seen(own, '14d', 1_344);
    expect(quarters.slice(0, -1).every((quarter) => quarter !== null)).toBe(true);
    expect((await seen(web, '24h', 1_440)).slice(0, -1).every((minute) => minute !== null)).toBe(true);
    const restarts = (await seen(web, '14d', 1_344)).reduce((sum, quarter) => sum + (quarter?.restarts ?? 0), 0);
    expect(restarts).toBe(21);
    const chunks = await store.db.selectFrom('usage_chunks').select(['resolution_seconds', 'data']).execute();
    const count = (resolution: number) => chunks.filter((chunk) => chunk.resolution_seconds === resolution).length;
    expect(count(60)).toBeLessThanOrEqual(2 * 27);
    expect(count(900)).toBeLessThanOrEqual(2 * 16);
    // Both processors of this one are never still, so that every record is a full one.
    expect(chunks.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(2 * (27 * 60 + 16 * 96) * 16);
  });
});

it('a server cannot fill the store with services that it makes up', async () => {
  for (let name = 0; name < 500; name++) {
    const services = Object.fromEntries([[`s${name}`, { restarts: 0, health: { state: 'unknown' } }]]);
    context.usage.take('srv_1', midnight + name, { usage: {}, stack_id, services } as unknown as AgentState);
  }
  await context.usage.stop();
  const chunks = await store.db.selectFrom('usage_chunks').select('id').execute();
  expect(chunks).toHaveLength(200);
});
