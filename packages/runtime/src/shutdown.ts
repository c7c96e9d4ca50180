/** Orderly ends: what was started last is stopped first, each within its time, on SIGINT and SIGTERM. */
export type Stoppable = { name: string; stop: () => Promise<void> | void };

export type Shutdown = {
  /** Registers something to be stopped. */
  add(item: Stoppable): void;
  /** Stops everything, once; further calls wait for the same end. */
  stop(): Promise<void>;
  readonly stopping: boolean;
};

export function createShutdown(
  options: { timeout_ms?: number; onError?: (name: string, error: unknown) => void } = {},
): Shutdown {
  const items: Stoppable[] = [];
  let ending: Promise<void> | null = null;
  const stopAll = async () => {
    for (const item of items.reverse()) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error('took too long to stop')), options.timeout_ms ?? 20_000);
      });
      try {
        await Promise.race([Promise.resolve(item.stop()), late]);
      } catch (error) {
        options.onError?.(item.name, error);
      } finally {
        clearTimeout(timer);
      }
    }
  };
  return {
    add: (item) => void items.push(item),
    stop: () => (ending ??= stopAll()),
    get stopping() {
      return ending !== null;
    },
  };
}
