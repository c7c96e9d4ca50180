/** One ticking clock for all ages on the page: a second apart, and only while the page is seen. */
import { useSyncExternalStore } from 'react';

const watchers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.visibilityState === 'hidden') return;
  now = Date.now();
  for (const watcher of watchers) watcher();
}

function subscribe(watcher: () => void): () => void {
  watchers.add(watcher);
  timer ??= setInterval(tick, 1_000);
  return () => {
    watchers.delete(watcher);
    if (watchers.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Milliseconds now, as a step of `step_ms`: a component is drawn again only when the step changes. */
export function useNow(step_ms = 1_000): number {
  return useSyncExternalStore(subscribe, () => Math.floor(now / step_ms) * step_ms);
}

document.addEventListener('visibilitychange', tick);
