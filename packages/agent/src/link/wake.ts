/** A wake-up that several callers may ring and one loop waits for; a ring before the wait is not lost. */
import { onAbort } from '@mainstay/runtime/on-abort';
import { wakeAfter } from '../shared-wakes.ts';

export type Wake = {
  ring(): void;
  /** Resolves at the next ring, after so many milliseconds, or when the signal is aborted. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
};

/** @param after What calls back at the end of a wait, and gives what takes that back. */
export function createWake(after = wakeAfter): Wake {
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
          takeBack();
          letGo();
          waiter = null;
          rung = false;
          resolve();
        };
        const takeBack = after(milliseconds, done);
        const letGo = onAbort(signal, done);
        waiter = done;
        if (rung || signal.aborted) done();
      }),
  };
}
