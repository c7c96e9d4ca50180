/** Reading: the samples of a series in a range, from what is stored and what is not yet, one place an interval. */
import { type UsageRange, usageRanges } from '@mainstay/contract/operations/usage';
import type { Context } from '../context.ts';
import { beginningOf, decodeChunk, rounded, spans, type TimedSample } from './chunk.ts';
import type { Sample } from './sample.ts';
import { combinedBy } from './usage.reconciler.ts';
import { type Series, selectChunks } from './usage-store.ts';

export type Timeline = { resolution_seconds: 60 | 900; from: number; to: number; times: number[] };

/** The intervals of a range that ends with the one that is under way. */
export function timelineOf(range: UsageRange, now: number): Timeline {
  const { resolution_seconds, intervals } = usageRanges[range];
  const { interval_ms } = spans[resolution_seconds];
  const to = beginningOf(now, interval_ms) + interval_ms;
  const from = to - intervals * interval_ms;
  const times = Array.from({ length: intervals }, (_, index) => from + index * interval_ms);
  return { resolution_seconds, from, to, times };
}

/** One sample, or null, for each of the timeline's intervals. */
export async function samplesOf(
  { store, usage }: Pick<Context, 'store' | 'usage'>,
  series: Series,
  timeline: Timeline,
): Promise<(Sample | null)[]> {
  const { resolution_seconds, from } = timeline;
  const { interval_ms } = spans[resolution_seconds];
  const samples = new Array<Sample | null>(timeline.times.length).fill(null);
  const put = ({ at, sample }: TimedSample) => {
    const index = (at - from) / interval_ms;
    if (index >= 0 && index < samples.length) samples[index] = sample;
  };
  if (resolution_seconds === 900) {
    for (const { start, data } of await selectChunks(store, series, 900, from))
      for (const quarter of decodeChunk(data, start, interval_ms)) put(quarter);
  }
  // Of quarters only those that are not made yet.
  const hours = (await selectChunks(store, series, 60, from)).filter(
    ({ rolled_up }) => resolution_seconds === 60 || !rolled_up,
  );
  const minutes = hours.flatMap(({ start, data }) => decodeChunk(data, start, spans[60].interval_ms));
  // After the stored ones were read: what is written in between is missing for once, and never counted twice.
  for (const { at, sample } of combinedBy([...minutes, ...usage.unwritten(series)], interval_ms))
    put({ at, sample: rounded(sample) });
  return samples;
}
