/**
 * Waits of the agent that end together. An idle agent has a dozen loops that wait for a second or ten; to be woken costs the process more
 * than most of what they then look at (ADR 0030). So there is one tick each half second, and whoever waits that long or longer is woken by
 * the tick that is nearest: at most a quarter second sooner or later than asked, and the same interval again and again. What is shorter is
 * waited exactly. Ticks count from a moment of each process's own, so that a fleet is not woken together.
 */
import { clockOf, type WakeAfter, wakeExactlyAfter } from '@mainstay/runtime/clock';

const tick_ms = 500;

/** Who is woken by which tick. */
const waiting = new Map<number, Set<() => void>>();
let timer: NodeJS.Timeout | null = null;
let ticks = 0;
let ticked_at = 0;

/** Calls `wake` once, after so many milliseconds as above. Gives what takes that back. */
export const wakeAfter: WakeAfter = (milliseconds, wake) => {
  if (milliseconds < tick_ms) return wakeExactlyAfter(milliseconds, wake);
  const now = performance.now();
  if (timer === null) {
    timer = setInterval(tick, tick_ms);
    ticked_at = now;
  }
  const due = ticks + Math.round((now - ticked_at + milliseconds) / tick_ms);
  let wakes = waiting.get(due);
  if (wakes === undefined) {
    wakes = new Set();
    waiting.set(due, wakes);
  }
  wakes.add(wake);
  return () => {
    wakes.delete(wake);
    if (wakes.size === 0 && waiting.get(due) === wakes) waiting.delete(due);
  };
};

/** The clock of the system, whose sleeps end together. */
export const sharedClock = clockOf(wakeAfter);

function tick(): void {
  if (waiting.size === 0 && timer !== null) {
    // Ticks for which nobody waits would keep the process from ending.
    clearInterval(timer);
    timer = null;
    return;
  }
  const now = performance.now();
  const before = ticks;
  // A process that was held up, or stopped, has more of them behind it than one.
  ticks += Math.max(1, Math.round((now - ticked_at) / tick_ms));
  ticked_at = now;
  for (let due = before + 1; due <= ticks; due++) {
    // One that is taken back by another is not woken any more.
    for (const wake of waiting.get(due) ?? []) wake();
    waiting.delete(due);
  }
}
