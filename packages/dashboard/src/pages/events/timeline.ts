/**
 * The events of one filter, kept as a growing window: older ones are fetched as they are scrolled to, newer ones are fetched
 * when the live connection says so. While somebody reads further down, newer ones wait, so that nothing moves under the eyes.
 */
import { AppError } from '@mainstay/contract/app-error';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Input, Output } from '../../api/client.ts';
import { createGrouping, type TimelineLine } from '../../ui/event/grouping.ts';

export type EventFilter = Omit<Input<'events.list'>, 'after' | 'before' | 'limit' | 'wait_seconds'>;
export type FetchEvents = (input: Input<'events.list'>, signal: AbortSignal) => Promise<Output<'events.list'>>;

export type TimelineState = {
  /** Newest first; null before the first answer. Grows in its place when older ones come. */
  lines: readonly TimelineLine[] | null;
  /** Events in those lines. */
  count: number;
  /** Whoever caused one of them. */
  actors: ReadonlySet<string>;
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
/** Of what was scrolled to, so much stays when the top is seen again. */
const kept_below_top = 2_000;
const newer_limit = 1_000;
/** After so many full answers in a row the page begins anew instead of running behind. */
const newer_rounds_max = 5;

export function createTimeline(filter: EventFilter, fetchEvents: FetchEvents): Timeline {
  let state: TimelineState = {
    lines: null,
    count: 0,
    actors: new Set(),
    waiting: [],
    has_older: false,
    is_fetching_older: false,
    error: null,
  };
  let events: EventView[] = [];
  let grouping = createGrouping();
  const actors = new Set<string>();
  let isReading = false;
  /** Cursor up to which everything newer is known; null before the first answer. */
  let known: number | null = null;
  let running: Promise<void> | null = null;
  /** Counts what ran, so that one that was stopped does not end the next one. */
  let turns = 0;
  /** Something changed while it was being fetched. */
  let again = false;
  let abort = new AbortController();
  const watchers = new Set<() => void>();

  const become = (change: Partial<TimelineState>) => {
    state = { ...state, ...change };
    for (const watcher of watchers) watcher();
  };

  const seen = () => ({ lines: grouping.lines, count: events.length, actors });

  const addOlder = (older: readonly EventView[]) => {
    for (const event of older) {
      events.push(event);
      if (event.actor !== null) actors.add(event.actor);
    }
    grouping.append(older);
  };

  /** Everything anew with these on top: whoever sees the top needs no more than what is near to it. */
  const addNewer = (newer: readonly EventView[]) => {
    const before = events.slice(0, kept_below_top);
    const has_older = state.has_older || before.length < events.length;
    events = [];
    grouping = createGrouping();
    addOlder([...newer, ...before]);
    become({ ...seen(), waiting: [], has_older, error: null });
  };

  const fetchFirst = async () => {
    const answer = await fetchEvents({ ...filter, limit: first_limit }, abort.signal);
    known = answer.next;
    events = [];
    become({ has_older: answer.more });
    addNewer(answer.events.toReversed());
  };

  const fetchNewer = async () => {
    for (let round = 0; round < newer_rounds_max; round++) {
      const answer = await fetchEvents({ ...filter, after: known ?? 0, limit: newer_limit }, abort.signal);
      known = answer.next;
      const newer = answer.events.toReversed();
      if (newer.length > 0) {
        if (isReading) become({ waiting: [...newer, ...state.waiting], error: null });
        else addNewer([...newer, ...state.waiting]);
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
      if (running) return running;
      const { signal } = abort;
      const turn = ++turns;
      running = (async () => {
        do {
          again = false;
          await guarded(state.lines === null ? fetchFirst : fetchNewer, signal);
        } while (again && !signal.aborted && state.error === null);
        if (turn === turns) running = null;
      })();
      return running;
    },
    async fetchOlder() {
      const oldest = events.at(-1);
      if (!oldest || !state.has_older || state.is_fetching_older) return;
      become({ is_fetching_older: true });
      await guarded(async () => {
        const input = { ...filter, before: oldest.cursor, limit: older_limit };
        const answer = await fetchEvents(input, abort.signal);
        // It began anew meanwhile: these belong to nothing any more.
        if (events.at(-1) !== oldest) return;
        addOlder(answer.events.toReversed());
        become({ ...seen(), has_older: answer.more, error: null });
      }, abort.signal);
      become({ is_fetching_older: false });
    },
    setReading(reading) {
      isReading = reading;
    },
    showWaiting() {
      if (state.waiting.length > 0) addNewer(state.waiting);
    },
    stop() {
      abort.abort();
      abort = new AbortController();
      turns++;
      running = null;
    },
  };
}
