/** Names of days, in the person's own time zone. */
import { events as texts } from '../../texts/events.ts';

const withWeekday = new Intl.DateTimeFormat('en', { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });

/** `Today`, `Yesterday`, or the date. */
export function dayName(at: number, now: number): string {
  const day = new Date(at).toDateString();
  if (day === new Date(now).toDateString()) return texts.today;
  const yesterday = new Date(now);
  yesterday.setDate(yesterday.getDate() - 1);
  return day === yesterday.toDateString() ? texts.yesterday : withWeekday.format(at);
}
