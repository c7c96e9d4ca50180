/**
 * Pages of log lines, forwards and backwards. Lines are gone through in slices of cursors, with a turn of the event loop
 * between two, and for a bounded time: a search through a million lines holds nobody else up, and one that takes too long ends
 * with what it found and says from where to go on.
 */
import { setImmediate } from 'node:timers/promises';
import type { LogLineView } from '@mainstay/contract/operations/watch';
import type { Store } from '../store/store.ts';
import { type LogFilter, logBounds, selectLines } from './log-store.ts';

/** Cursors that the first slice takes; the next ones are larger or smaller, so that each takes some 10 ms. */
const first_slice_cursors = 4_000;
const slice_ms = 10;
const sweep_ms_max = 2_000;

export type LogPosition = {
  after?: number | undefined;
  before?: number | undefined;
  around?: number | undefined;
  limit: number;
};

export type LogPage = {
  lines: LogLineView[];
  next: number;
  previous: number;
  more_before: boolean;
  more_after: boolean;
};

/** The newest lines that fit, or those after, before or around a cursor; oldest first. */
export async function logPage(
  store: Store,
  filter: LogFilter,
  { after, before, around, limit }: LogPosition,
  signal: AbortSignal,
): Promise<LogPage> {
  const { first, last } = await logBounds(store);
  const up = (start: number, limit: number) => sweep(store, filter, { start, end: last, limit, signal });
  const down = (start: number, limit: number) => sweepDown(store, filter, { start, end: first, limit, signal });
  if (around !== undefined) {
    const half = Math.floor(limit / 2);
    const older = await down(Math.min(last, around - 1), half);
    const newer = await up(Math.max(first, around), limit - half);
    return {
      lines: [...older.lines, ...newer.lines],
      next: newer.reached,
      previous: older.reached,
      more_before: older.more,
      more_after: newer.more,
    };
  }
  if (after !== undefined) {
    const { lines, reached, more } = await up(Math.max(first, after + 1), limit);
    const previous = lines[0]?.cursor ?? after + 1;
    return { lines, next: Math.max(reached, after), previous, more_before: after >= first, more_after: more };
  }
  const top = before === undefined ? last : Math.min(last, before - 1);
  const { lines, reached, more } = await down(top, limit);
  return { lines, next: top, previous: reached, more_before: more, more_after: top < last };
}

export type Sweep = {
  /** Cursors at which it begins and ends, both included. */
  start: number;
  end: number;
  limit: number;
  signal: AbortSignal;
};
/** `reached` is the last cursor that was looked at, or that of the last line where there are more lines. */
export type Swept = { lines: LogLineView[]; reached: number; more: boolean };

/** Goes through lines from older to newer ones. */
export function sweep(store: Store, filter: LogFilter, { start, end, limit, signal }: Sweep): Promise<Swept> {
  return inSlices(1, { start, end, limit, signal }, (near, far, left) =>
    selectLines(store, filter, { low: near, high: far, order: 'asc', limit: left }),
  );
}

/** Goes through lines from newer to older ones; gives them oldest first all the same. */
async function sweepDown(store: Store, filter: LogFilter, { start, end, limit, signal }: Sweep): Promise<Swept> {
  const swept = await inSlices(-1, { start, end, limit, signal }, (near, far, left) =>
    selectLines(store, filter, { low: far, high: near, order: 'desc', limit: left }),
  );
  return { ...swept, lines: swept.lines.reverse() };
}

async function inSlices(
  direction: 1 | -1,
  { start, end, limit, signal }: Sweep,
  select: (near: number, far: number, limit: number) => Promise<LogLineView[]>,
): Promise<Swept> {
  const late = performance.now() + sweep_ms_max;
  const lines: LogLineView[] = [];
  let near = start;
  let size = first_slice_cursors;
  while ((end - near) * direction >= 0) {
    const began = performance.now();
    const far = Math.abs(end - near) < size ? end : near + direction * (size - 1);
    // One more than wanted tells whether there are more.
    lines.push(...(await select(near, far, limit + 1 - lines.length)));
    if (lines.length > limit) {
      lines.length = limit;
      return { lines, reached: lines.at(-1)?.cursor ?? start - direction, more: true };
    }
    if (far === end) break;
    const ended = performance.now();
    if (signal.aborted || ended > late) return { lines, reached: far, more: true };
    if (ended - began < slice_ms / 2) size *= 4;
    else if (ended - began > slice_ms * 2) size = Math.max(1, Math.floor(size / 2));
    near = far + direction;
    await setImmediate();
  }
  return { lines, reached: end, more: false };
}
