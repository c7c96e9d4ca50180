/**
 * The events of one filter, kept as a growing window: older ones are fetched as they are scrolled to, newer ones are fetched
 * when the live connection says so. While somebody reads further down, newer ones wait, so that nothing moves under the eyes.
 */
import { AppError } from '@mainstay/contract/app-error';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Input, Output } from '../../api/client.ts';

export type EventFilter = Omit<Input<'events.list'>, 'after' | 'before' | 'limit' | 'wait_seconds'>;
export type FetchEvents = (input: Input<'events.list'>, signal: AbortSignal) => Promise<Output<'events.list'>>;

export type TimelineState = {
  /** Newest first; null before the first answer. */
  events: readonly EventView[] | null;
  /** Came meanwhile and are not among the events yet; newest first. */
  waiting: readonly EventView[];
  /** There are older ones to be fetched. */
  has_older: boolean;
  is_fetching_older: boolean;
  /** Of the last fetch; what was fetched before stays. */
  error: AppError | null;
};

export type Timeline = {
  get(): TimelineState;
  subscribe(watcher: () => void): () => void;
  /** Fetches what came since, and everything where that is too much. Never rejects. */
  catchUp(): Promise<void>;
  /** Fetches the next older events. Never rejects. */
  fetchOlder(): Promise<void>;
  /** Says whether somebody reads further down, so that newer events wait. */
  setReading(isReading: boolean): void;
  /** Puts those that wait among the others. */
  showWaiting(): void;
  /** Ends fetches that are under way. */
  stop(): void;
};

const first_limit = 200;
const older_limit = 500;
const newer_limit = 1_000;
/** After so many full answers in a row the page begins anew instead of running behind. */
const newer_rounds_max = 5;

export function createTimeline(filter: EventFilter, fetchEvents: FetchEvents): Timeline {
  let state: TimelineState = {
    events: null,
    waiting: [],
    has_older: false,
    is_fetching_older: false,
    error: null,
  };
  let isReading = false;
  /** Cursor up to which everything newer is known; null before the first answer. */
  let known: number | null = null;
  let running: Promise<void> | null = null;
  /** Something changed while it was being fetched. */
  let again = false;
  let abort = new AbortController();
  const watchers = new Set<() => void>();

  const become = (change: Partial<TimelineState>) => {
    state = { ...state, ...change };
    for (const watcher of watchers) watcher();
  };

  const fetchFirst = async () => {
    const answer = await fetchEvents({ ...filter, limit: first_limit }, abort.signal);
    known = answer.next;
    become({ events: answer.events.toReversed(), waiting: [], has_older: answer.more, error: null });
  };

  const fetchNewer = async () => {
    for (let round = 0; round < newer_rounds_max; round++) {
      const answer = await fetchEvents({ ...filter, after: known ?? 0, limit: newer_limit }, abort.signal);
      known = answer.next;
      const newer = answer.events.toReversed();
      if (newer.length > 0) {
        if (isReading) become({ waiting: [...newer, ...state.waiting], error: null });
        else become({ events: [...newer, ...state.waiting, ...(state.events ?? [])], waiting: [], error: null });
      } else if (state.error) become({ error: null });
      if (!answer.more) return;
    }
    await fetchFirst();
  };

  /** What was asked for by a page that is gone is nobody's error. */
  const guarded = async (work: () => Promise<void>, signal: AbortSignal) => {
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      become({ error: error instanceof AppError ? error : new AppError('Internal', String(error)) });
    }
  };

  return {
    get: () => state,
    subscribe(watcher) {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    catchUp() {
      again = running !== null;
      running ??= (async () => {
        const { signal } = abort;
        do {
          again = false;
          await guarded(state.events === null ? fetchFirst : fetchNewer, signal);
        } while (again && !signal.aborted && state.error === null);
      })().finally(() => {
        running = null;
      });
      return running;
    },
    async fetchOlder() {
      const oldest = state.events?.at(-1);
      if (!oldest || !state.has_older || state.is_fetching_older) return;
      become({ is_fetching_older: true });
      await guarded(async () => {
        const input = { ...filter, before: oldest.cursor, limit: older_limit };
        const answer = await fetchEvents(input, abort.signal);
        // It began anew meanwhile: these belong to nothing any more.
        if (state.events?.at(-1) !== oldest) return;
        become({ events: [...state.events, ...answer.events.toReversed()], has_older: answer.more, error: null });
      }, abort.signal);
      become({ is_fetching_older: false });
    },
    setReading(reading) {
      isReading = reading;
    },
    showWaiting() {
      if (state.waiting.length === 0) return;
      become({ events: [...state.waiting, ...(state.events ?? [])], waiting: [] });
    },
    stop() {
      abort.abort();
      abort = new AbortController();
    },
  };
}
