/** A wake-up that several callers may ring and one loop waits for; a ring before the wait is not lost. */
import { onAbort } from '@mainstay/runtime/on-abort';

export type Wake = {
  ring(): void;
  /** Resolves at the next ring, after so many milliseconds, or when the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
};

export function createWake(): Wake {
  let rung = false;
  let waiter: (() => void) | null = null;
  return {
    ring() {
      rung = true;
      waiter?.();
    },
    wait: (milliseconds, signal) =>
      new Promise((resolve) => {
        const done = () => {
          clearTimeout(timer);
          letGo();
          waiter = null;
          rung = false;
          resolve();
        };
        const timer = setTimeout(done, milliseconds);
        const letGo = onAbort(signal, done);
        waiter = done;
        if (rung || signal.aborted) done();
      }),
  };
}
