import { fakeClock, silentLogger } from '@mainstay/runtime';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { insertSchedule, nextTime, scheduledRunId, startDue } from './schedules.ts';
import { type OrchestratorFixture, startOrchestratorFixture } from './testing/fixture.ts';
import { defineWorkflow } from './workflow.ts';

let fixture: OrchestratorFixture | undefined;
afterEach(async () => {
  await fixture?.stop();
  fixture = undefined;
});
const start_ms = Date.parse('2026-03-28T12:00:00Z');
const backup = defineWorkflow({ name: 'backup', version: 1, input: z.null(), steps: { a: { run: () => 1 } } });

async function scheduled(cron: string, workflow = 'backup', time_zone = 'UTC') {
  const clock = fakeClock(start_ms);
  fixture = await startOrchestratorFixture({ clock });
  const { store } = fixture;
  const orchestrator = fixture.orchestrator([backup]);
  const { id, statement } = insertSchedule(
    store,
    { name: 'nightly', cron, time_zone, workflow, input: null },
    start_ms,
  );
  await store.batch([statement]);
  const due = () => startDue({ store, clock, log: silentLogger(), orchestrator });
  const row = () => store.db.selectFrom('schedules').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  return { clock, store, orchestrator, id, due, row };
}

describe('a schedule', () => {
  it('keeps to the clock of its time zone, through the change to summer time', () => {
    const times = [start_ms];
    for (let day = 0; day < 2; day++) times.push(nextTime('30 4 * * *', 'Europe/Berlin', times.at(-1)!)!);
    // Berlin goes from UTC+1 to UTC+2 in the night to the 29th.
    expect(times.slice(1).map((at) => new Date(at).toISOString())).toEqual([
      '2026-03-29T02:30:00.000Z',
      '2026-03-30T02:30:00.000Z',
    ]);
  });

  it('that makes no sense is refused, and the field is named', () => {
    expect(() => nextTime('61 * * * *', 'UTC', 0)).toThrow(
      expect.objectContaining({ code: 'InvalidInput', field: 'cron' }),
    );
    expect(() => nextTime('* * * * *', 'Europe/Nowhere', 0)).toThrow(expect.objectContaining({ field: 'time_zone' }));
  });

  it('starts one run for each of its times, however many look at the same moment', async () => {
    const { clock, orchestrator, id, due, row } = await scheduled('*/10 * * * *');
    expect(await due()).toEqual([]);
    await clock.advance(600_000);
    const started = (await Promise.all([due(), due(), due()])).flat();
    expect(started).toEqual([scheduledRunId(id, start_ms + 600_000)]);
    await vi.waitFor(async () => expect((await orchestrator.get(started[0]!)).state).toBe('succeeded'), 10_000);
    expect(await orchestrator.get(started[0]!)).toMatchObject({ schedule_id: id });
    expect(await row()).toMatchObject({ next_at: start_ms + 1_200_000, last_run_id: started[0] });
  });

  it('starts one run for all the times that passed while nobody looked', async () => {
    const { clock, due, row } = await scheduled('*/10 * * * *');
    await clock.advance(86_400_000 + 1);
    expect(await due()).toHaveLength(1);
    expect(await due()).toEqual([]);
    expect((await row()).next_at).toBe(start_ms + 86_400_000 + 600_000);
  });

  it('of a workflow that is not there says so, and goes on to its next time', async () => {
    const { clock, due, row } = await scheduled('0 * * * *', 'nowhere');
    await clock.advance(3_600_000);
    expect(await due()).toEqual([]);
    expect(await row()).toMatchObject({ error: 'There is no workflow "nowhere".', next_at: start_ms + 7_200_000 });
  });
});
