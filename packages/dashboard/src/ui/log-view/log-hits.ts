/**
 * Finds the lines of a window that hold a text: a slice at a time, so that the page stays responsive, and each line once, so
 * that new lines cost only themselves.
 */
import { plainText } from './line-text.ts';
import type { LogLine } from './log-window.ts';

export type Hits = {
  /** Cursors of the lines, ascending. */
  cursors: readonly number[];
  is_complete: boolean;
};

export type HitFinder = {
  hits(): Hits;
  subscribe(watcher: () => void): () => void;
  /** Looks in these lines from now on; without a pattern nothing is found. */
  look(lines: readonly LogLine[], pattern: RegExp | null): void;
  close(): void;
};

const slice_lines = 4_000;
const nothing: Hits = { cursors: [], is_complete: true };

export function createHitFinder(): HitFinder {
  const watchers = new Set<() => void>();
  let hits = nothing;
  let pattern: RegExp | null = null;
  let lines: readonly LogLine[] = [];
  /** Cursors between which all lines were looked at. */
  let looked: { first: number; last: number } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function become(next: Hits): void {
    hits = next;
    for (const watcher of watchers) watcher();
  }

  function step(): void {
    const first = lines[0];
    const last = lines.at(-1);
    if (!pattern || !first || !last) {
      become(nothing);
      return;
    }
    // What fell out of the window is forgotten, and was not looked at should it come back.
    looked = looked && { first: Math.max(looked.first, first.cursor), last: Math.min(looked.last, last.cursor) };
    if (looked && looked.first > looked.last) looked = null;
    let cursors = looked ? hits.cursors.filter((cursor) => cursor >= first.cursor && cursor <= last.cursor) : [];
    const ahead = looked ? take(lines, indexAfter(lines, looked.last), 1) : take(lines, lines.length - 1, -1);
    const behind = looked && ahead.length === 0 ? take(lines, indexAfter(lines, looked.first - 1) - 1, -1) : [];
    const slice = ahead.length > 0 ? ahead : behind;
    const found = slice.filter(({ text }) => pattern?.test(plainText(text))).map(({ cursor }) => cursor);
    if (slice.length > 0) {
      const isOlder = looked === null || slice === behind;
      cursors = isOlder ? [...found, ...cursors] : [...cursors, ...found];
      looked = {
        first: Math.min(looked?.first ?? Number.POSITIVE_INFINITY, slice[0]!.cursor),
        last: Math.max(looked?.last ?? 0, slice.at(-1)!.cursor),
      };
    }
    const is_complete = looked !== null && looked.first <= first.cursor && looked.last >= last.cursor;
    become({ cursors, is_complete });
    if (!is_complete) timer = setTimeout(step, 0);
  }

  return {
    hits: () => hits,
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    look(next_lines, next_pattern) {
      // A global pattern remembers where it was; this one must not.
      if (next_pattern?.source !== pattern?.source) {
        pattern = next_pattern && new RegExp(next_pattern.source, 'i');
        looked = null;
        hits = nothing;
      }
      lines = next_lines;
      clearTimeout(timer);
      if (pattern === null && hits === nothing) return;
      timer = setTimeout(step, 0);
    },
    close() {
      clearTimeout(timer);
      watchers.clear();
    },
  };
}

/** Up to a slice of lines from that index on, in the direction; always in ascending order. */
function take(lines: readonly LogLine[], index: number, direction: 1 | -1): readonly LogLine[] {
  if (direction === 1) return lines.slice(index, index + slice_lines);
  return lines.slice(Math.max(0, index + 1 - slice_lines), index + 1);
}

/** Index of the first line after that cursor. */
function indexAfter(lines: readonly LogLine[], cursor: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.cursor <= cursor) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The hit after, or before a cursor; null when there is none. */
export function nextHit(cursors: readonly number[], from: number, direction: 1 | -1): number | null {
  if (direction === 1) return cursors.find((cursor) => cursor > from) ?? null;
  return cursors.findLast((cursor) => cursor < from) ?? null;
}
