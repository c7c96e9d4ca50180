/**
 * The one live connection of the page: the server says which topics changed, and what is shown of them is fetched again.
 * After a break the browser names the last message that it saw, and the server tells what changed since; where it cannot,
 * everything is fetched again. A connection that has gone silent is given up and made anew.
 */
import { useSyncExternalStore } from 'react';
import { base_url } from './client.ts';
import { invalidate, invalidateAll } from './queries.ts';

export type Connection = {
  state: 'connecting' | 'live' | 'lost';
  /** Since when it is so, UTC milliseconds. What is shown was true then, when it is lost. */
  since: number;
  /** Version of the control plane at the other end. */
  version: string | null;
};

/** Beats come every 15 s. */
const silent_after_ms = 40_000;
const retry_ms = 3_000;

let connection: Connection = { state: 'connecting', since: Date.now(), version: null };
const watchers = new Set<() => void>();
const topicListeners = new Set<(topics: readonly string[]) => void>();
let source: EventSource | null = null;
let heard_at = Date.now();
let last_id = '';
let retry: ReturnType<typeof setTimeout> | undefined;

function become(state: Connection['state'], version = connection.version): void {
  if (connection.state === state && connection.version === version) return;
  connection = { state, since: connection.state === state ? connection.since : Date.now(), version };
  for (const watcher of watchers) watcher();
}

function connect(): void {
  source?.close();
  // The browser names the last message by itself when it connects again, but not when it is told to begin anew.
  const resume = last_id === '' ? '' : `?last_event_id=${encodeURIComponent(last_id)}`;
  source = new EventSource(`${base_url}api/v1/live${resume}`);
  heard_at = Date.now();
  source.addEventListener('hello', (event) => {
    heard(event);
    const { version, resumed } = parsed(event.data);
    become('live', typeof version === 'string' ? version : null);
    if (resumed !== true) {
      invalidateAll();
      for (const listener of topicListeners) listener([]);
    }
  });
  source.addEventListener('change', (event) => {
    heard(event);
    const { topics } = parsed(event.data);
    if (!Array.isArray(topics)) return invalidateAll();
    invalidate(topics as string[]);
    for (const listener of topicListeners) listener(topics as string[]);
  });
  source.addEventListener('beat', () => {
    heard_at = Date.now();
  });
  source.addEventListener('error', () => {
    become('lost');
    // The browser connects again by itself, unless the answer was an error.
    if (source?.readyState !== EventSource.CLOSED) return;
    // It may be that the session has ended; then nobody is signed in any more, and the page has to know.
    invalidate(['access']);
    again();
  });
}

function heard(event: MessageEvent): void {
  heard_at = Date.now();
  if (event.lastEventId !== '') last_id = event.lastEventId;
}

function again(): void {
  clearTimeout(retry);
  retry = setTimeout(connect, retry_ms);
}

function parsed(data: string): Record<string, unknown> {
  try {
    return JSON.parse(data) as Record<string, unknown>;
  } catch {
    return {};
  }
}

/** Begins to listen; gives the function that ends it. Queries are fetched again as long as it runs. */
export function startLive(): () => void {
  connect();
  const watch = setInterval(() => {
    if (Date.now() - heard_at <= silent_after_ms) return;
    become('lost');
    connect();
  }, 5_000);
  return () => {
    clearInterval(watch);
    clearTimeout(retry);
    source?.close();
    source = null;
  };
}

/** How the connection is, live. */
export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => connection,
  );
}

/** Calls the listener with the topics of every change, and with none when anything may have changed; gives the function that ends it. */
export function onTopics(listener: (topics: readonly string[]) => void): () => void {
  topicListeners.add(listener);
  return () => void topicListeners.delete(listener);
}
