/**
 * Signals wake those who wait for a change: long-polls, live pages, reconcilers. They carry no data and may be lost at a
 * restart; whoever is woken looks at the store. Topics: `stacks`, `servers`, `events`, `operations`, `logs:<stack>`,
 * `desired:<server id>`.
 */
export type Signals = {
  notify(...topics: string[]): void;
  /** Resolves true at the next signal on one of the topics, false when the time is up or the signal is aborted. */
  wait(topics: readonly string[], timeout_ms: number, abort?: AbortSignal): Promise<boolean>;
  /** Calls the listener for every topic that is notified, until the returned function is called. */
  listen(listener: (topic: string) => void): () => void;
  /** Ends all waiting, for an orderly end. */
  close(): void;
  /** Aborted by `close`. */
  ended: AbortSignal;
};

export function createSignals(): Signals {
  const waiting = new Map<string, Set<() => void>>();
  const listeners = new Set<(topic: string) => void>();
  const ended = new AbortController();
  const wake = (topic: string) => {
    for (const resolve of [...(waiting.get(topic) ?? [])]) resolve();
  };
  return {
    notify(...topics) {
      for (const topic of topics) {
        wake(topic);
        for (const listener of listeners) listener(topic);
      }
    },
    wait(topics, timeout_ms, abort) {
      if (ended.signal.aborted || abort?.aborted || timeout_ms <= 0) return Promise.resolve(false);
      return new Promise((resolve) => {
        const finish = (woken: boolean) => {
          clearTimeout(timer);
          abort?.removeEventListener('abort', onAbort);
          for (const topic of topics) {
            const set = waiting.get(topic);
            set?.delete(onSignal);
            if (set?.size === 0) waiting.delete(topic);
          }
          resolve(woken);
        };
        const onSignal = () => finish(true);
        const onAbort = () => finish(false);
        const timer = setTimeout(() => finish(false), timeout_ms);
        abort?.addEventListener('abort', onAbort, { once: true });
        for (const topic of topics) {
          const set = waiting.get(topic) ?? new Set();
          set.add(onSignal);
          waiting.set(topic, set);
        }
      });
    },
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      ended.abort();
      for (const topic of [...waiting.keys()]) wake(topic);
      listeners.clear();
    },
    ended: ended.signal,
  };
}
