/**
 * Gives memory back now and then, where Node allows it (--expose-gc): V8 by itself lets the heap of a program that does little grow for
 * a long time. A collection takes 15 to 35 ms, so it is made only when there is something to be had by it (ADR 0030).
 */
const look_interval_ms = 30_000;
/** So much more than the last collection left, bytes. */
const grown_bytes = 3 * 1024 * 1024;

/** Looks every half minute for as long as the program runs; keeps it from ending no longer. */
export function collectNowAndThen(): void {
  const { gc } = globalThis;
  if (!gc) return;
  let left = 0;
  const look = () => {
    if (process.memoryUsage().heapUsed < left + grown_bytes) return;
    gc({ type: 'major', flavor: 'last-resort' });
    left = process.memoryUsage().heapUsed;
  };
  setInterval(look, look_interval_ms).unref();
}
