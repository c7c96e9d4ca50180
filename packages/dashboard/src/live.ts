/**
 * The live connection: the server says which topics changed, and they are fetched again; at most one fetch runs at a time,
 * and what changes meanwhile is fetched in the next. Every half minute everything is fetched anyway, so that a connection
 * that died in silence is noticed.
 */
import { type Topic, topics } from './snapshot.ts';

const refetch_ms = 30_000;
const retry_ms = 3_000;
/** Changes that come in a burst are fetched together. */
const gather_ms = 150;

export type Live = { close(): void };

export type LiveOptions = {
  /** Fetches topics; rejects when the control plane does not answer. */
  fetch(changed: ReadonlySet<Topic>): Promise<void>;
  /** Called with the time of the last successful fetch, or with the time since which nothing succeeds. */
  onConnection(state: 'connected' | 'lost'): void;
};

export function startLive(options: LiveOptions): Live {
  let source: EventSource | null = null;
  let changed = new Set<Topic>();
  let fetching = false;
  let closed = false;
  let gather: ReturnType<typeof setTimeout> | undefined;
  let retry: ReturnType<typeof setTimeout> | undefined;

  const fetchChanged = async () => {
    gather = undefined;
    if (fetching || closed || changed.size === 0) return;
    fetching = true;
    const wanted = changed;
    changed = new Set();
    try {
      await options.fetch(wanted);
      if (!closed) options.onConnection('connected');
    } catch {
      for (const topic of wanted) changed.add(topic);
      if (!closed) options.onConnection('lost');
      retry ??= setTimeout(() => {
        retry = undefined;
        void fetchChanged();
      }, retry_ms);
    } finally {
      fetching = false;
    }
    if (changed.size > 0 && retry === undefined) later([]);
  };
  const later = (more: Iterable<Topic>) => {
    for (const topic of more) changed.add(topic);
    if (!closed) gather ??= setTimeout(() => void fetchChanged(), gather_ms);
  };
  const connect = () => {
    source = new EventSource('/api/v1/live');
    source.addEventListener('hello', () => later(topics));
    source.addEventListener('change', (event) => later(topicsOf(event.data)));
    source.addEventListener('error', () => {
      // The browser connects again by itself, unless the answer was an error.
      if (source?.readyState !== EventSource.CLOSED || closed) return;
      setTimeout(connect, retry_ms);
      later(topics);
    });
  };

  const timer = setInterval(() => later(topics), refetch_ms);
  const onVisible = () => {
    if (document.visibilityState === 'visible') later(topics);
  };
  document.addEventListener('visibilitychange', onVisible);
  later(topics);
  connect();
  return {
    close() {
      closed = true;
      clearInterval(timer);
      clearTimeout(gather);
      clearTimeout(retry);
      document.removeEventListener('visibilitychange', onVisible);
      source?.close();
    },
  };
}

/** The topics that a message names; all of them when it is not understood. */
function topicsOf(data: string): Topic[] {
  try {
    const { topics: named } = JSON.parse(data) as { topics: unknown };
    if (Array.isArray(named)) return topics.filter((topic) => named.includes(topic));
  } catch {
    // Newer servers may say more than this page understands.
  }
  return [...topics];
}
