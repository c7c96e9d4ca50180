/** Moments as people read them: an age that ticks, the absolute time on hover. */
import { useNow } from './clock.ts';
import { ago, duration } from './words.ts';

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const clockTime = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  // As logs have it, and as wide at noon as at midnight.
  hourCycle: 'h23',
});

/** A moment in full, in the person's own time zone. */
export function absoluteTime(at: number): string {
  return absolute.format(at);
}

/** Hours, minutes and seconds of a moment. */
export function timeOfDay(at: number): string {
  return clockTime.format(at);
}

export type TimeProps = {
  /** UTC milliseconds. */
  at: number;
  /** `ago`: 3 min ago. `for`: 3 min. `clock`: 14:03:21. */
  form?: 'ago' | 'for' | 'clock';
};

export function Time({ at, form = 'ago' }: TimeProps) {
  // An age of minutes need not be looked at every second.
  const now = useNow(Date.now() - at > 120_000 ? 10_000 : 1_000);
  const text = form === 'clock' ? timeOfDay(at) : form === 'for' ? duration(now - at) : ago(at, now);
  return (
    <time dateTime={new Date(at).toISOString()} title={absoluteTime(at)}>
      {text}
    </time>
  );
}
