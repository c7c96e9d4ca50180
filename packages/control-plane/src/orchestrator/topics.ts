/** Which parked steps' topics were signalled. A signal that came while a step was still on its way to be parked wakes it as well. */
import type { Signals } from '../signals.ts';

export type Topics = {
  /** How many signals there were. */
  seen(): number;
  /** A step waits for the topic; `since` is what it had seen when it looked, −1 to wake it in any case, null for no look back. */
  parked(topic: string, since: number | null): void;
  /** Topics to be woken, once. */
  takeWoken(): string[];
  close(): void;
};

/** Topics remembered; a step that parks after more than so many others were signalled is woken by its time. */
const topics_max = 10_000;

export function createTopics(signals: Signals, wake: () => void): Topics {
  const last = new Map<string, number>();
  const waiting = new Set<string>();
  let woken = new Set<string>();
  let count = 0;
  const note = (topic: string) => {
    waiting.delete(topic);
    woken.add(topic);
    wake();
  };
  const close = signals.listen((topic) => {
    last.delete(topic);
    last.set(topic, ++count);
    if (last.size > topics_max) last.delete(last.keys().next().value!);
    if (waiting.has(topic)) note(topic);
  });
  return {
    close,
    seen: () => count,
    parked(topic, since) {
      waiting.add(topic);
      if (since !== null && (last.get(topic) ?? 0) > since) note(topic);
    },
    takeWoken() {
      if (woken.size === 0) return [];
      const topics = [...woken];
      woken = new Set();
      return topics;
    },
  };
}
