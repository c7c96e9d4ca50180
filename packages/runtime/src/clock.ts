/** Time as a port: production code takes a Clock, so that tests move time instead of waiting for it. */
import { onAbort } from './on-abort.ts';

export type Clock = {
  /** Milliseconds since the epoch, UTC. */
  now(): number;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
};

/** Calls back once, after so many milliseconds. Gives what takes that back. */
export type WakeAfter = (milliseconds: number, wake: () => void) => () => void;

export const wakeExactlyAfter: WakeAfter = (milliseconds, wake) => {
  const timer = setTimeout(wake, milliseconds);
  return () => clearTimeout(timer);
};

/** The time of the system, with sleeps that end when `after` says. */
export function clockOf(after: WakeAfter): Clock {
  return {
    now: () => Date.now(),
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const takeBack = after(milliseconds, () => {
          letGo?.();
          resolve();
        });
        const letGo =
          signal &&
          onAbort(signal, () => {
            takeBack();
            letGo?.();
            resolve();
          });
      }),
  };
}

export const systemClock = clockOf(wakeExactlyAfter);

export type FakeClock = Clock & {
  advance(milliseconds: number): Promise<void>;
  /** As when the machine was asleep: time is later at once, and who slept past its time wakes once. */
  jump(milliseconds: number): Promise<void>;
};

/** A clock that stands still until it is advanced; sleepers wake in the order of their time. */
export function fakeClock(start_ms = 1_750_000_000_000): FakeClock {
  let now = start_ms;
  const sleepers = new Set<{ at: number; wake: () => void }>();
  return {
    now: () => now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted) return resolve();
        const sleeper = { at: now + milliseconds, wake: resolve };
        sleepers.add(sleeper);
        signal?.addEventListener(
          'abort',
          () => {
            if (sleepers.delete(sleeper)) resolve();
          },
          { once: true },
        );
      }),
    async jump(milliseconds) {
      now += milliseconds;
      const due = [...sleepers].filter((sleeper) => sleeper.at <= now).sort((a, b) => a.at - b.at);
      for (const sleeper of due) {
        sleepers.delete(sleeper);
        sleeper.wake();
      }
      await new Promise((resolve) => setImmediate(resolve));
    },
    async advance(milliseconds) {
      const until = now + milliseconds;
      for (;;) {
        const next = [...sleepers].filter((sleeper) => sleeper.at <= until).sort((a, b) => a.at - b.at)[0];
        if (!next) break;
        sleepers.delete(next);
        now = next.at;
        next.wake();
        // Let what was woken run, and go to sleep again, before time goes on.
        await new Promise((resolve) => setImmediate(resolve));
      }
      now = until;
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
