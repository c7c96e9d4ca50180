/** The signals that end `up`: the first asks for an orderly end, the second for an end at once. */
export type StopSignals = {
  /** Aborted by the first signal. */
  signal: AbortSignal;
  first: Promise<void>;
  second: Promise<void>;
  /** Which signal it was, in words. */
  reason(): string;
  release(): void;
};

const words = { SIGINT: 'Ctrl-C', SIGTERM: 'SIGTERM', SIGHUP: 'nobody reads this any more' } as const;
/** One Ctrl-C may arrive twice: from the terminal, and passed on by npm. */
const echo_ms = 500;

export function stopSignals(): StopSignals {
  const controller = new AbortController();
  let reason: string = words.SIGTERM;
  let first_at = 0;
  let onFirst = () => {};
  let onSecond = () => {};
  const first = new Promise<void>((resolve) => {
    onFirst = resolve;
  });
  const second = new Promise<void>((resolve) => {
    onSecond = resolve;
  });
  const names = Object.keys(words) as (keyof typeof words)[];
  const take = (name: NodeJS.Signals) => {
    const now = Date.now();
    if (controller.signal.aborted) {
      if (now - first_at > echo_ms) onSecond();
      return;
    }
    first_at = now;
    reason = words[name as keyof typeof words];
    controller.abort();
    onFirst();
  };
  for (const name of names) process.on(name, take);
  return {
    signal: controller.signal,
    first,
    second,
    reason: () => reason,
    release() {
      for (const name of names) process.off(name, take);
    },
  };
}
