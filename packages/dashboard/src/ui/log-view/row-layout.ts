/** How high the rows of a log are, and how wide its longest one: equal when lines are not wrapped, else estimated and then measured. */
import { useMemo, useRef, useState } from 'react';
import { columnsOf, shown_chars_max } from './line-text.ts';
import { indexOfCursor, type LogLine } from './log-window.ts';
import { equalHeights, measuredHeights, type RowHeights } from './row-heights.ts';

export const row_height = 20;
/** Room above the first line, for what is said there. */
export const edge_height = 32;

export type RowLayout = {
  heights: RowHeights;
  /** Columns of the longest line, for the width of what scrolls sideways. */
  columns: number;
  /** Takes the heights of the rows that are drawn. True when one was not as estimated. */
  measure(rows: Iterable<HTMLElement>): boolean;
};

/** @param text_columns Columns that fit beside the gutter; lines are wrapped there. Null when they are not wrapped. */
export function useRowLayout(lines: readonly LogLine[], text_columns: number | null): RowLayout {
  const [version, setVersion] = useState(0);
  const known = useRef({ text_columns, heights: new Map<number, number>() });
  if (known.current.text_columns !== text_columns) known.current = { text_columns, heights: new Map() };
  const heights = useMemo(() => {
    if (text_columns === null) return equalHeights(lines.length, row_height);
    const estimates = new Float64Array(lines.length);
    for (let index = 0; index < lines.length; index++) {
      const length = Math.min(lines[index]!.text.length, shown_chars_max);
      estimates[index] = Math.max(1, Math.ceil(length / text_columns)) * row_height;
    }
    for (const [cursor, height] of known.current.heights) {
      const index = indexOfCursor(lines, cursor);
      if (lines[index]?.cursor === cursor) estimates[index] = height;
    }
    return measuredHeights(estimates);
  }, [lines, text_columns]);
  const columns = useLongest(lines);
  // The version is read so that what is drawn from the heights is drawn again when one of them was measured.
  void version;
  return {
    heights,
    columns,
    measure(rows) {
      if (text_columns === null) return false;
      let changed = false;
      for (const row of rows) {
        const cursor = Number(row.dataset['cursor']);
        const index = indexOfCursor(lines, cursor);
        const height = row.offsetHeight;
        if (lines[index]?.cursor !== cursor || height === 0 || !heights.measure(index, height)) continue;
        known.current.heights.set(cursor, height);
        changed = true;
      }
      if (changed) setVersion((before) => before + 1);
      return changed;
    },
  };
}

/** Columns of the longest line seen so far; only lines that may be longer are counted exactly. */
function useLongest(lines: readonly LogLine[]): number {
  const seen = useRef({ lines: [] as readonly LogLine[], columns: 0 });
  if (seen.current.lines !== lines) {
    const before = seen.current;
    const first = before.lines[0]?.cursor ?? Number.POSITIVE_INFINITY;
    const last = before.lines.at(-1)?.cursor ?? Number.NEGATIVE_INFINITY;
    let { columns } = before;
    for (const { cursor, text } of lines) {
      if (cursor >= first && cursor <= last) continue;
      if (Math.min(text.length, shown_chars_max) > columns) columns = Math.max(columns, columnsOf(text));
    }
    seen.current = { lines, columns };
  }
  return seen.current.columns;
}
