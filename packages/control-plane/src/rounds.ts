/**
 * Work that many ask for at once and that is done for all of them together: a round begins soon after it is asked for, at
 * once when there was none of late, and never two at a time.
 */
export type Rounds = {
  /** Asks for a round; settles as the round does that begins after the call. */
  next(): Promise<void>;
  /** Waits for the round that is under way. No round begins after the call; those who wait for one are refused. */
  stop(): Promise<void>;
};

/** Rounds take a part of the time at most, however long one takes: what is asked for the more is done the more together. */
const busy_max = 0.2;

/** @param apart_ms Milliseconds between the beginnings of two rounds, at least. */
export function createRounds(run: () => Promise<void>, apart_ms: number): Rounds {
  let timer: NodeJS.Timeout | null = null;
  let due = 0;
  let running: Promise<unknown> = Promise.resolve();
  let waiting: PromiseWithResolvers<void> | null = null;
  let stopped = false;

  const begin = () => {
    const asked = waiting!;
    timer = waiting = null;
    const began = performance.now();
    const round = run();
    running = round
      .catch(() => {})
      .then(() => {
        due = began + Math.max(apart_ms, (performance.now() - began) / busy_max);
      });
    round.then(asked.resolve, asked.reject);
  };
  const schedule = async () => {
    await running;
    if (!stopped) timer = setTimeout(begin, Math.max(0, due - performance.now()));
  };
  return {
    next() {
      if (stopped) return Promise.reject(new Error('The rounds were stopped.'));
      if (!waiting) {
        waiting = Promise.withResolvers();
        void schedule();
      }
      return waiting.promise;
    },
    async stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      waiting?.reject(new Error('The rounds were stopped.'));
      await running;
    },
  };
}
