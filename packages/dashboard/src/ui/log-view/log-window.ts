/**
 * The part of a log that is in memory: consecutive lines by their cursors, and whether there are more on either side. Bounded:
 * what is added at one end beyond the bound is dropped at the other, to be fetched again when it is scrolled to. Pure; every
 * function gives a new window.
 */
import type { LogLineView } from '@mainstay/contract/operations/watch';
import type { Output } from '../../api/client.ts';

export type LogLine = LogLineView;

export type LogWindow = {
  lines: readonly LogLine[];
  /** There are older lines than the first. */
  more_before: boolean;
  /** There are newer lines than the last; false while it reaches to the live end. */
  more_after: boolean;
  /** Everything from this cursor on was looked at; what was before is asked for from here. */
  previous: number;
  /** Everything up to this cursor was looked at; what follows is asked for from here. */
  next: number;
};

/** Lines as the control plane gives them. */
export type LogPage = Output<'logs.list'>;

/** Lines in memory, at most: some 40 MB at 100 characters each. */
export const lines_kept_max = 200_000;

export const emptyWindow: LogWindow = { lines: [], more_before: false, more_after: false, previous: 1, next: 0 };

/** A window of one page. */
export function windowOf({ lines, more_before, more_after, previous, next }: LogPage): LogWindow {
  return { lines, more_before, more_after, previous, next };
}

/** Puts older lines before those that are there. */
export function withOlder(window: LogWindow, page: LogPage, kept_max = lines_kept_max): LogWindow {
  const first = window.lines[0]?.cursor ?? Number.POSITIVE_INFINITY;
  const lines = [...page.lines.filter(({ cursor }) => cursor < first), ...window.lines];
  const grown = { ...window, lines, more_before: page.more_before, previous: page.previous };
  if (lines.length <= kept_max) return grown;
  const kept = lines.slice(0, kept_max);
  return { ...grown, lines: kept, more_after: true, next: kept.at(-1)?.cursor ?? window.next };
}

/** Puts newer lines behind those that are there. */
export function withNewer(window: LogWindow, page: LogPage, kept_max = lines_kept_max): LogWindow {
  const last = window.lines.at(-1)?.cursor ?? -1;
  const added = page.lines.filter(({ cursor }) => cursor > last);
  const grown = { ...window, more_after: page.more_after, next: Math.max(page.next, window.next) };
  if (added.length === 0) return grown;
  const lines = [...window.lines, ...added];
  if (lines.length <= kept_max) return { ...grown, lines };
  // A tenth more is dropped at once, so that not every new line moves all others.
  const kept = lines.slice(lines.length - Math.floor(kept_max * 0.9));
  return { ...grown, lines: kept, more_before: true, previous: kept[0]?.cursor ?? window.previous };
}

/** Index of the line with that cursor, or of the first one after it; the number of lines when there is none. */
export function indexOfCursor(lines: readonly LogLine[], cursor: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.cursor ?? 0) < cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}
