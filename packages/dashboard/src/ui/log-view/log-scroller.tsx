/**
 * The lines of a log in a scroller, of which only those on the screen exist. Whatever happens to the lines, the eye keeps its
 * place: at the newest line while it follows, else at the line that was on top. Selecting works over lines that do not exist
 * any more: the one where the selection began is kept, and what is copied is taken from the log.
 */
import {
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useLayoutEffect,
  useReducer,
  useRef,
  useState,
} from 'react';
import { flushSync } from 'react-dom';
import { logs as texts } from '../../texts/logs.ts';
import { absoluteTime } from '../time.tsx';
import { selectedText, selectionRow } from './log-copy.ts';
import type { LogState } from './log-reader.ts';
import { clockColumns, type LogClock, LogRow } from './log-row.tsx';
import css from './log-view.module.css';
import { indexOfCursor, type LogLine } from './log-window.ts';
import { edge_height, row_height, useRowLayout } from './row-layout.ts';
import { probe_columns, useBox } from './use-box.ts';

export type LogScrollerHandle = {
  /** Brings a line into view, if it is not. */
  show(cursor: number): void;
  /** Cursor of the first line that is seen; null without lines. */
  top(): number | null;
  focus(): void;
};

export type LogScrollerProps = {
  state: LogState;
  label: string;
  follows: boolean;
  wraps: boolean;
  clock: LogClock;
  pattern: RegExp | null;
  linked: number | null;
  showsServer: boolean;
  /** Said above the first line. */
  edge: ReactNode;
  hrefOf(cursor: number): string;
  releaseOf(line: LogLine): string;
  onFollow(follows: boolean): void;
  onOlder(): void;
  onNewer(): void;
  onBeginning(): void;
  onLink(line: LogLine): void;
  onWhole(line: LogLine): void;
  ref: Ref<LogScrollerHandle>;
};

/** Rows beyond each edge of the screen that exist, and rows from either end at which more is fetched. */
const overscan_rows = 24;
const ahead_rows = 300;

export function LogScroller(props: LogScrollerProps) {
  const { state, label, follows, wraps, clock, pattern, linked, showsServer, edge, ref } = props;
  const { lines, more_before, more_after } = state.window;
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLDivElement>(null);
  const box = useBox(scroller, canvas);
  const server_columns = box.width < 600 ? 6 : 14;
  const gutter_columns = clockColumns[clock] + (showsServer ? server_columns + 1 : 0) + 3;
  const text_columns = Math.max(10, Math.floor((box.width - 12) / box.column) - gutter_columns);
  const layout = useRowLayout(lines, wraps ? text_columns : null);
  const { heights } = layout;
  const keys_id = useId();
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const [pinned, setPinned] = useState<number | null>(null);
  /** Where it was scrolled to, the line on top and where that was, the rows that exist. */
  const eye = useRef({ top: 0, cursor: -1, row_top: 0, first: 0, last: -1, opened: -1 });
  const latest = useRef(props);
  latest.current = props;

  const rangeAt = (top: number) => ({
    first: heights.indexAt(top - edge_height),
    last: heights.indexAt(top - edge_height + box.height),
  });

  const look = () => {
    const element = scroller.current;
    if (!element || lines.length === 0) return;
    const top = element.scrollTop;
    const { first, last } = rangeAt(top);
    eye.current.top = top;
    eye.current.cursor = lines[first]?.cursor ?? -1;
    eye.current.row_top = heights.offsetOf(first);
    if (first < ahead_rows && more_before) props.onOlder();
    if (last > lines.length - ahead_rows && more_after) props.onNewer();
    return { first, last };
  };

  const isDrawn = (first: number, last: number, spare: number) =>
    Math.max(0, first - spare) >= eye.current.first && Math.min(lines.length - 1, last + spare) <= eye.current.last;

  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const before = eye.current.top;
    const range = look();
    const isAtEnd = element.scrollHeight - element.clientHeight - element.scrollTop < 6;
    if (follows && element.scrollTop < before - 1 && !isAtEnd) props.onFollow(false);
    else if (!follows && isAtEnd && !more_after && element.scrollTop > before) props.onFollow(true);
    if (range && !isDrawn(range.first, range.last, overscan_rows / 3)) flushSync(redraw);
  };

  const scrollTo = (top: number) => {
    const element = scroller.current;
    if (!element) return;
    if (Math.abs(element.scrollTop - top) >= 1) element.scrollTop = top;
    const range = look();
    if (range && !isDrawn(range.first, range.last, 0)) redraw();
  };

  const show = (cursor: number, always = false) => {
    const index = indexOfCursor(lines, cursor);
    const top = heights.offsetOf(index) + edge_height;
    const from = scroller.current?.scrollTop ?? 0;
    if (always || top < from + row_height || top > from + box.height - 2 * row_height) scrollTo(top - box.height * 0.4);
  };

  useLayoutEffect(() => {
    if (canvas.current && layout.measure(canvas.current.querySelectorAll<HTMLElement>('[data-cursor]'))) return;
    const element = scroller.current;
    if (!element || lines.length === 0) return;
    if (eye.current.opened !== state.opened) {
      eye.current.opened = state.opened;
      if (state.opened_at !== null) return show(state.opened_at, true);
      if (!follows) return scrollTo(0);
    }
    if (follows) return scrollTo(element.scrollHeight);
    // Moved by as much as the line on top has moved; where a person is scrolling to meanwhile is left alone.
    const moved = heights.offsetOf(indexOfCursor(lines, eye.current.cursor)) - eye.current.row_top;
    if (Math.abs(moved) >= 1) scrollTo(element.scrollTop + moved);
  });

  useImperativeHandle(ref, () => ({
    show,
    top: () => (lines.length > 0 ? eye.current.cursor : null),
    focus: () => scroller.current?.focus({ preventScroll: true }),
  }));

  useEffect(() => {
    const onSelection = () => setPinned(selectionRow(scroller.current));
    document.addEventListener('selectionchange', onSelection);
    return () => document.removeEventListener('selectionchange', onSelection);
  }, []);

  const onClick = (event: React.MouseEvent) => {
    const target = event.target as HTMLElement;
    const row = target.closest<HTMLElement>('[data-cursor]');
    const line = row && lines[indexOfCursor(lines, Number(row.dataset['cursor']))];
    if (!line) return;
    if (target.closest('[data-whole]')) return props.onWhole(line);
    if (!target.closest('[data-link]') || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    props.onLink(line);
  };

  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.key === 'End') {
      event.preventDefault();
      props.onFollow(true);
    }
    if (event.key === 'Home' && more_before) {
      event.preventDefault();
      props.onBeginning();
    }
  };

  const seen = rangeAt(eye.current.top);
  eye.current.first = Math.max(0, seen.first - overscan_rows);
  eye.current.last = Math.min(lines.length - 1, seen.last + overscan_rows);
  const shown = lines.slice(eye.current.first, eye.current.last + 1);
  const block_top = heights.offsetOf(eye.current.first);
  const rowOf = (line: LogLine, index: number, apart: number | null = null) => (
    <LogRow
      key={line.cursor}
      line={line}
      apart={apart}
      clock={clock}
      href={props.hrefOf(line.cursor)}
      pattern={pattern}
      chip={isTurn(lines[index - 1], line) ? props.releaseOf(line) : null}
      showsServer={showsServer}
      isLinked={line.cursor === linked}
    />
  );
  // The row where a selection began stays the same element, among the same siblings, wherever the rest is scrolled to.
  const kept = pinned === null ? -1 : indexOfCursor(lines, pinned);
  const keptLine = lines[kept];
  const isApart = keptLine?.cursor === pinned && (kept < eye.current.first || kept > eye.current.last);
  const keptRow = isApart && keptLine ? rowOf(keptLine, kept, heights.offsetOf(kept) - block_top) : null;
  return (
    <div
      ref={scroller}
      className={css.scroller}
      role="log"
      aria-label={label}
      aria-describedby={keys_id}
      aria-live={follows && !state.is_fast ? 'polite' : 'off'}
      aria-busy={state.is_opening}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scroller must be reachable by the keyboard.
      tabIndex={0}
      onScroll={onScroll}
      onClick={onClick}
      onKeyDown={onKeyDown}
      onPointerOver={nameTime}
      onCopy={(event) => {
        const text = selectedText(scroller.current, lines);
        if (text === null) return;
        event.clipboardData.setData('text/plain', text);
        event.preventDefault();
      }}
    >
      <div
        ref={canvas}
        className={css.canvas}
        data-wrap={wraps || undefined}
        style={
          {
            height: heights.total() + edge_height + 8,
            '--gutter': `${gutter_columns}ch`,
            '--time': `${clockColumns[clock]}ch`,
            '--server': `${server_columns}ch`,
            minWidth: wraps ? undefined : `calc(${gutter_columns + layout.columns + 18}ch + 1rem)`,
          } as React.CSSProperties
        }
      >
        <div className={css.edge}>{edge}</div>
        <span id={keys_id} className="visually-hidden">
          {texts.keys}
        </span>
        <div className={css.block} style={{ top: block_top + edge_height }}>
          {[
            ...(kept < eye.current.first ? [keptRow] : []),
            ...shown.map((line, at) => rowOf(line, eye.current.first + at)),
            ...(kept > eye.current.last ? [keptRow] : []),
          ]}
        </div>
        <span className={css.probe} data-probe aria-hidden="true">
          {'0'.repeat(probe_columns)}
        </span>
      </div>
    </div>
  );
}

/** Names the whole time where it is pointed at; to name it in every row would take longer than the rest of the row. */
function nameTime({ target }: React.MouseEvent): void {
  const row = target instanceof HTMLElement && target.matches('[data-link]') ? target.parentElement : null;
  if (row && target instanceof HTMLElement && target.title === '')
    target.title = absoluteTime(Number(row.dataset['at']));
}

/** Whether a line begins another release, or turns from building to running. */
function isTurn(before: LogLine | undefined, line: LogLine): boolean {
  if (!before) return true;
  return before.release_id !== line.release_id || (before.stream === 'build') !== (line.stream === 'build');
}
