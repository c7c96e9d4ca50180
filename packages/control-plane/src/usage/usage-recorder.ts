/**
 * Takes a sample of every report, holds the minute that is under way, and writes the minutes that are over: a part of them
 * every second, so that a fleet's come as a trickle. What a crash takes is the open minute and the few seconds before it was
 * written; an orderly end takes nothing.
 *
 * Bounds: per series a handful of numbers, and at most a quarter of an hour of minutes where the store cannot be written.
 */
import type { AgentState, ServiceObserved } from '@mainstay/contract/agent-api';
import type { Clock } from '@mainstay/runtime';
import type { Store } from '../store/store.ts';
import { beginningOf, encodeSample, type Fields, spans, type TimedSample } from './chunk.ts';
import { add, emptyTotal, type Sample, sampleOf, sampleOfServer, sampleOfService, type Total } from './sample.ts';
import { appendToChunks, type ChunkPart, type Series } from './usage-store.ts';

export type UsageRecorder = {
  /** @param sent_at When the server sent it, by its own clock: one that comes twice, or was overtaken, counts once. */
  take(server_id: string, sent_at: number, state: AgentState): void;
  /** Samples that are neither in the store nor on their way there, that of the open minute included. */
  unwritten(series: Series): TimedSample[];
  /** Closes the minutes that are over, and writes a part of what is closed. Gives how many series still wait. */
  write(): Promise<number>;
  /** Writes everything, the open minute included. */
  stop(): Promise<void>;
};

/** Reports of a server that come closer together than this tell of the same measure: agents measure every five seconds. */
const measured_apart_ms = 5_000;
/** A report older than one that came before was overtaken by it; by more than this, the server's clock was set back. */
const overtaken_by_ms_max = 60_000;
/** A server or service that was not reported for so long is forgotten here. */
const forgotten_after_ms = 3_600_000;
/** Of one server; a stack has 100 services at most, and another stack may come in its place. */
const series_of_a_server_max = 200;
const closed_minutes_max = 15;
/** All series of a minute are written within so many seconds, and so many series at once. */
const written_within_seconds = 20;
const written_a_second_min = 256;
const written_at_once_max = 128;

const { interval_ms, chunk_ms } = spans[60];

type Recorded = Series & {
  total: Total;
  /** The minute that the total is of; null when nothing came since it was closed. */
  minute: number | null;
  closed: TimedSample[];
  /** How many of the closed minutes are being written at this moment. */
  writing: number;
  /** The last record in the store that this process wrote, and its chunk. */
  last: { start: number; fields: Fields } | null;
  /** What was last said of restarts. */
  restarts: number;
  release_id: string | null;
  seen_at: number;
};

type Reporting = { sent_at: number; measured_at: number; seen_at: number; series: Map<string, Recorded> };

export function createUsageRecorder({ store, clock }: { store: Store; clock: Clock }): UsageRecorder {
  const servers = new Map<string, Reporting>();
  /** Series with closed minutes, in the order in which they are written. */
  const waiting = new Set<Recorded>();
  let minute_seen = 0;
  let written_a_second = written_a_second_min;

  const close = (series: Recorded) => {
    if (series.minute === null) return;
    series.closed.push({ at: series.minute, sample: sampleOf(series.total) });
    series.minute = null;
    waiting.add(series);
  };

  const note = (series: Recorded, now: number, sample: Sample, is_new_measure: boolean) => {
    const minute = beginningOf(now, interval_ms);
    const begins = series.minute !== minute;
    if (begins) {
      close(series);
      series.minute = minute;
      Object.assign(series.total, emptyTotal());
    }
    series.seen_at = now;
    add(series.total, sample, is_new_measure || begins);
  };

  const seriesOf = (reporting: Reporting, { server_id, stack_id, service }: Series): Recorded | null => {
    const name = `${stack_id}/${service}`;
    const found = reporting.series.get(name);
    if (found || reporting.series.size >= series_of_a_server_max) return found ?? null;
    const series: Recorded = {
      server_id,
      stack_id,
      service,
      total: emptyTotal(),
      minute: null,
      closed: [],
      writing: 0,
      last: null,
      restarts: 0,
      release_id: null,
      seen_at: 0,
    };
    reporting.series.set(name, series);
    return series;
  };

  /** Restarts since the report before. A new release counts from zero. */
  const restartsSince = (series: Recorded, { restarts, release_id }: ServiceObserved): number => {
    const counted = series.release_id === release_id ? series.restarts : 0;
    series.restarts = restarts;
    series.release_id = release_id;
    return Math.max(0, restarts - counted);
  };

  const take: UsageRecorder['take'] = (server_id, sent_at, state) => {
    const now = clock.now();
    let reporting = servers.get(server_id);
    // What happened before anybody watched belongs to no minute.
    const is_first = reporting === undefined;
    if (!reporting) {
      reporting = { sent_at, measured_at: 0, seen_at: now, series: new Map() };
      servers.set(server_id, reporting);
    } else {
      const behind = reporting.sent_at - sent_at;
      if (behind >= 0 && behind < overtaken_by_ms_max) return;
    }
    reporting.sent_at = sent_at;
    reporting.seen_at = now;
    const is_new_measure = Math.abs(now - reporting.measured_at) >= measured_apart_ms;
    if (is_new_measure) reporting.measured_at = now;
    const own = seriesOf(reporting, { server_id, stack_id: '', service: '' });
    if (own) note(own, now, sampleOfServer(state), is_new_measure);
    const { stack_id } = state;
    if (stack_id === null) return;
    for (const [service, observed] of Object.entries(state.services)) {
      const series = seriesOf(reporting, { server_id, stack_id, service });
      if (!series) continue;
      const restarts = restartsSince(series, observed);
      note(series, now, sampleOfService(observed, is_first ? 0 : restarts), is_new_measure);
    }
  };

  const closeMinutesBefore = (minute: number, forget_before: number) => {
    for (const [server_id, reporting] of servers) {
      for (const [name, series] of reporting.series) {
        if (series.minute !== null && series.minute < minute) close(series);
        // Only here, where nothing is being written.
        if (series.closed.length > closed_minutes_max)
          series.closed.splice(0, series.closed.length - closed_minutes_max);
        if (series.seen_at < forget_before && series.minute === null) reporting.series.delete(name);
      }
      if (reporting.seen_at < forget_before) servers.delete(server_id);
    }
  };

  const writeSome = async (count: number) => {
    const some: ({ series: Recorded } & ReturnType<typeof partsOf>)[] = [];
    for (const series of waiting) {
      if (some.length === count) break;
      some.push({ series, ...partsOf(series) });
    }
    const parts = some.flatMap((one) => one.parts);
    for (const { series } of some) series.writing = series.closed.length;
    try {
      await store.batch(appendToChunks(store, parts));
      for (const { series, last } of some) {
        series.closed.splice(0, series.writing);
        series.last = last;
        if (series.closed.length === 0) waiting.delete(series);
      }
    } finally {
      for (const { series } of some) series.writing = 0;
    }
  };

  return {
    take,

    unwritten({ server_id, stack_id, service }) {
      const series = servers.get(server_id)?.series.get(`${stack_id}/${service}`);
      if (!series) return [];
      const open = series.minute === null ? [] : [{ at: series.minute, sample: sampleOf(series.total) }];
      return [...series.closed.slice(series.writing), ...open];
    },

    async write() {
      const now = clock.now();
      const minute = beginningOf(now, interval_ms);
      if (minute !== minute_seen) {
        closeMinutesBefore(minute, now - forgotten_after_ms);
        minute_seen = minute;
        written_a_second = Math.max(written_a_second_min, Math.ceil(waiting.size / written_within_seconds));
      }
      for (let left = written_a_second; left > 0 && waiting.size > 0; left -= written_at_once_max) {
        await writeSome(Math.min(left, written_at_once_max));
        // Others are served in between.
        await new Promise((resolve) => setTimeout(resolve));
      }
      return waiting.size;
    },

    async stop() {
      closeMinutesBefore(Number.POSITIVE_INFINITY, 0);
      while (waiting.size > 0) await writeSome(written_at_once_max);
    },
  };
}

/** The closed minutes of a series as parts of its chunks. */
function partsOf({ closed, last, server_id, stack_id, service }: Recorded) {
  const parts: ChunkPart[] = [];
  for (const { at, sample } of closed) {
    const start = beginningOf(at, chunk_ms);
    const before = last?.start === start ? last.fields : null;
    const { text, fields } = encodeSample((at - start) / interval_ms, sample, before);
    const part = parts.at(-1);
    if (part?.start === start) part.data += text;
    else parts.push({ server_id, stack_id, service, resolution_seconds: 60, start, data: text });
    last = { start, fields };
  }
  return { parts, last };
}
