/**
 * Reads a log page by page and keeps the part of it that is looked at: opens it at its end, its beginning, a line or a moment,
 * goes on in both directions when asked to, and adds what is new as long as it reaches to the live end. One fetch at a time for
 * each direction; opening anew gives up what is under way. Knows nothing of how lines are drawn.
 */
import { AppError } from '@mainstay/contract/app-error';
import type { Input } from '../../api/client.ts';
import { emptyWindow, type LogPage, type LogWindow, windowOf, withNewer, withOlder } from './log-window.ts';

/** Which lines are meant. */
export type LogFilter = Pick<
  Input<'logs.list'>,
  'stack' | 'service' | 'server' | 'release_id' | 'stream' | 'level' | 'search' | 'from' | 'to'
>;
export type ListLogs = (input: Input<'logs.list'>, signal: AbortSignal) => Promise<LogPage>;
export type OpenAt = 'end' | 'beginning' | { line: number } | { time: number };

export type LogState = {
  window: LogWindow;
  /** Goes up whenever the log was opened anew, so that what was scrolled to means nothing any more. */
  opened: number;
  /** The line that it was opened at; null when it was opened at an end, or when nothing is known of that line. */
  opened_at: number | null;
  is_opening: boolean;
  is_loading_older: boolean;
  error: AppError | null;
  /** Lines that came at the live end since it was opened or followed. */
  arrived: number;
  /** Lines came faster than they can be read aloud. */
  is_fast: boolean;
};

export type LogReader = {
  state(): LogState;
  subscribe(watcher: () => void): () => void;
  open(filter: LogFilter, at: OpenAt): void;
  /** Fetches older lines, if there are any. */
  older(): void;
  /** Fetches newer lines, if there may be any; to be called when the live stream tells of some. */
  newer(): void;
  /** While it follows, it stays at the live end whatever happens; otherwise what is read stays. */
  follow(follows: boolean): void;
  /** The first line after, or the last line before a cursor that holds the text, in all that is kept; null when none does. */
  find(search: string, from: { after: number } | { before: number }): Promise<number | null>;
  close(): void;
};

const first_page_lines = 1_000;
const page_lines = 4_000;
/** Looks at the store per call when a search finds little, and lines that are enough to stop. */
const rounds_max = 20;
const screenful_lines = 100;
/** Pages in a row that may come while following; who is further behind goes to the end at once. */
const catch_up_pages_max = 3;
/** Lines in one fetch that are too many to be read aloud. */
const fast_lines = 12;
const retry_ms = 3_000;

export function createLogReader(list: ListLogs): LogReader {
  const watchers = new Set<() => void>();
  let state: LogState = {
    window: emptyWindow,
    opened: 0,
    opened_at: null,
    is_opening: true,
    is_loading_older: false,
    error: null,
    arrived: 0,
    is_fast: false,
  };
  let filter: LogFilter = { stack: '' };
  let opening = new AbortController();
  let is_loading_newer = false;
  let is_asked_again = false;
  let follows = true;
  let quiet_until = 0;

  function become(change: Partial<LogState>): void {
    state = { ...state, ...change };
    for (const watcher of watchers) watcher();
  }

  function failed(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) return;
    quiet_until = Date.now() + retry_ms;
    become({
      error: error instanceof AppError ? error : new AppError('Internal', String(error)),
      is_opening: false,
      is_loading_older: false,
    });
  }

  async function firstPage(at: OpenAt, signal: AbortSignal): Promise<{ page: LogPage; line: number | null }> {
    const limit = first_page_lines;
    if (at === 'end') return { page: await list({ ...filter, limit }, signal), line: null };
    if (at === 'beginning') return { page: await list({ ...filter, limit, after: 0 }, signal), line: null };
    let line = 'line' in at ? at.line : null;
    if ('time' in at) {
      const [last] = (await list({ ...filter, to: at.time, limit: 1 }, signal)).lines;
      line = last?.cursor ?? null;
    }
    if (line === null) return { page: await list({ ...filter, limit, after: 0 }, signal), line };
    return { page: await list({ ...filter, limit, around: Math.max(1, line) }, signal), line };
  }

  async function open(at: OpenAt): Promise<void> {
    opening.abort();
    opening = new AbortController();
    const { signal } = opening;
    become({ is_opening: true, is_loading_older: false, error: null });
    try {
      const { page, line } = await firstPage(at, signal);
      if (signal.aborted) return;
      become({
        window: windowOf(page),
        opened: state.opened + 1,
        opened_at: line,
        is_opening: false,
        arrived: 0,
      });
      if (at === 'beginning') await fill('after', signal);
      else await fill('before', signal);
    } catch (error) {
      failed(error, signal);
    }
  }

  /** A search through many lines comes back with few of them; it goes on until there is something to read. */
  async function fill(direction: 'before' | 'after', signal: AbortSignal): Promise<void> {
    for (let round = 0; round < rounds_max && !signal.aborted; round++) {
      const { window } = state;
      const has_more = direction === 'before' ? window.more_before : window.more_after;
      if (!has_more || window.lines.length >= screenful_lines) return;
      await (direction === 'before' ? loadOlder(signal) : loadNewer(signal));
    }
  }

  async function loadOlder(signal: AbortSignal): Promise<void> {
    become({ is_loading_older: true });
    const before = Math.max(1, state.window.previous);
    const page = await list({ ...filter, before, limit: page_lines }, signal);
    if (signal.aborted) return;
    become({ window: withOlder(state.window, page), is_loading_older: false, error: null });
  }

  async function loadNewer(signal: AbortSignal): Promise<void> {
    const was_live = !state.window.more_after;
    const before = state.window.lines.length === 0 ? -1 : (state.window.lines.at(-1)?.cursor ?? -1);
    const page = await list({ ...filter, after: state.window.next, limit: page_lines }, signal);
    if (signal.aborted) return;
    const fresh = page.lines.filter(({ cursor }) => cursor > before).length;
    if (fresh === 0 && page.next === state.window.next && state.error === null) return;
    become({
      window: withNewer(state.window, page),
      arrived: was_live ? state.arrived + fresh : state.arrived,
      is_fast: fresh > fast_lines,
      error: null,
    });
  }

  async function goOn(signal: AbortSignal): Promise<void> {
    for (let pages = 0; ; pages++) {
      await loadNewer(signal);
      if (signal.aborted || !follows || !state.window.more_after) return;
      if (pages + 1 >= catch_up_pages_max) return open('end');
    }
  }

  function newer(): void {
    if (state.is_opening || Date.now() < quiet_until) return;
    if (is_loading_newer) {
      is_asked_again = true;
      return;
    }
    const { signal } = opening;
    is_loading_newer = true;
    goOn(signal)
      .catch((error: unknown) => failed(error, signal))
      .finally(() => {
        is_loading_newer = false;
        const again = is_asked_again;
        is_asked_again = false;
        if (again && !opening.signal.aborted) newer();
      });
  }

  return {
    state: () => state,
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    open(next, at) {
      filter = next;
      quiet_until = 0;
      void open(at);
    },
    older() {
      if (state.is_opening || state.is_loading_older || !state.window.more_before || Date.now() < quiet_until) return;
      const { signal } = opening;
      loadOlder(signal)
        .then(() => fill('before', signal))
        .catch((error: unknown) => failed(error, signal));
    },
    newer,
    follow(next) {
      if (next && state.arrived > 0) become({ arrived: 0 });
      if (next && !follows && state.window.more_after) void open('end');
      follows = next;
    },
    async find(search, from) {
      let at = from;
      for (let round = 0; round < rounds_max; round++) {
        const page = await list({ ...filter, search, limit: 1, ...at }, opening.signal);
        const [line] = page.lines;
        if (line) return line.cursor;
        if ('before' in at) {
          if (!page.more_before) return null;
          at = { before: page.previous };
        } else {
          if (!page.more_after) return null;
          at = { after: page.next };
        }
      }
      return null;
    },
    close() {
      opening.abort();
      watchers.clear();
    },
  };
}
