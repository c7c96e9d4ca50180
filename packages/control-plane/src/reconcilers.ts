/** Reconcilers take no input: a timer wakes them, and they look for themselves. One that fails is told, and tried again. */
import type { Logger } from '@mainstay/runtime';

export type Reconciler = {
  name: string;
  every_ms: number;
  /** Looks once at the beginning as well. */
  at_start?: boolean;
  run: () => Promise<void>;
};

export function startReconcilers(log: Logger, reconcilers: readonly Reconciler[]): { stop(): Promise<void> } {
  const running = new Map<string, Promise<void>>();
  const timers = reconcilers.map(({ name, every_ms, at_start, run }) => {
    const look = () => {
      if (running.has(name)) return;
      const turn = run()
        .catch((error: unknown) => log.error({ err: error, reconciler: name }, 'reconciler failed'))
        .finally(() => running.delete(name));
      running.set(name, turn);
    };
    if (at_start) look();
    return setInterval(look, every_ms);
  });
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(running.values());
    },
  };
}
