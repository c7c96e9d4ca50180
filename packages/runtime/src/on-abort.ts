/**
 * Waiting for an abort, cheaply: adding a listener to a signal of Node and taking it off again costs more than the timer that most of
 * the time ends the wait. The loops of a program wait on one signal together, so one listener serves all of them.
 */
const waiting = new WeakMap<AbortSignal, { wakes: Set<() => void>; listener: () => void }>();

/**
 * For a signal on which a loop waits again and again: the listener stays, whether somebody waits or not. Not for one that was made of
 * others, which would live as long as they.
 */
export function stayListening(signal: AbortSignal): void {
  onAbort(signal, () => {});
}

/** Calls `wake` once when the signal is aborted, later than now. Gives what takes that back, which has to be called. */
export function onAbort(signal: AbortSignal, wake: () => void): () => void {
  let present = waiting.get(signal);
  if (!present) {
    const wakes = new Set<() => void>();
    const listener = () => {
      // One that is taken out meanwhile is not called any more.
      for (const each of wakes) each();
    };
    present = { wakes, listener };
    waiting.set(signal, present);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { wakes, listener } = present;
  wakes.add(wake);
  return () => {
    wakes.delete(wake);
    // Signals that were made of others live as long as somebody listens to them.
    if (wakes.size > 0 || signal.aborted || waiting.get(signal)?.wakes !== wakes) return;
    signal.removeEventListener('abort', listener);
    waiting.delete(signal);
  };
}
