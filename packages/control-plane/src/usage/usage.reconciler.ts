/**
 * Minutes that are over are written, and hours that are over become four quarters each. Both look for what is there to do, so
 * that a control plane which was away does it when it is back.
 */
import type { Context } from '../context.ts';
import type { Store } from '../store/store.ts';
import { beginningOf, decodeChunk, encodeSample, type Fields, spans, type TimedSample } from './chunk.ts';
import { combined } from './sample.ts';
import { appendToChunks, type ChunkPart, hoursToRollUp, markRolledUp } from './usage-store.ts';

/** An hour is rolled up when it has been over for so long: its last minute is written by then. */
const settled_after_ms = 120_000;
const hours_at_once_max = 32;
const hours_a_turn_max = 128;

export async function reconcileUsage({
  store,
  clock,
  usage,
}: Pick<Context, 'store' | 'clock' | 'usage'>): Promise<void> {
  await usage.write();
  for (let done = 0; done < hours_a_turn_max; done += hours_at_once_max) {
    if ((await rollUp(store, clock.now(), hours_at_once_max)) < hours_at_once_max) return;
    // Others are served in between.
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/**
 * Makes quarters of hours that are over. One that is rolled up again, because a minute came late, is made anew and takes the
 * place of the one before. Gives how many hours it found.
 */
export async function rollUp(store: Store, now: number, limit: number): Promise<number> {
  const hours = await hoursToRollUp(store, now - spans[60].chunk_ms - settled_after_ms, limit);
  if (hours.length === 0) return 0;
  const parts = hours.map(({ id: _, data, ...hour }) => dayPart(hour, data));
  const ids = hours.map(({ id }) => id);
  await store.batch([...appendToChunks(store, parts), markRolledUp(store, ids)]);
  return hours.length;
}

function dayPart(hour: Pick<ChunkPart, 'server_id' | 'stack_id' | 'service' | 'start'>, data: string): ChunkPart {
  const { interval_ms, chunk_ms } = spans[900];
  const start = beginningOf(hour.start, chunk_ms);
  let text = '';
  let before: Fields | null = null;
  for (const { at, sample } of quartersOf(decodeChunk(data, hour.start, spans[60].interval_ms))) {
    const record = encodeSample((at - start) / interval_ms, sample, before);
    text += record.text;
    before = record.fields;
  }
  return { ...hour, resolution_seconds: 900, start, data: text };
}

/** The quarters of an hour that these minutes are in, oldest first. */
export function quartersOf(minutes: readonly TimedSample[]): TimedSample[] {
  return combinedBy(minutes, spans[900].interval_ms);
}

/** One sample for each interval in which there are any, oldest first. */
export function combinedBy(samples: readonly TimedSample[], interval_ms: number): TimedSample[] {
  const groups = Map.groupBy(samples, ({ at }) => beginningOf(at, interval_ms));
  return [...groups]
    .sort(([a], [b]) => a - b)
    .map(([at, group]) => ({ at, sample: combined(group.map(({ sample }) => sample)) }));
}
