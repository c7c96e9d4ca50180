/** Maintenance windows: when several are asked for, it is open while all of them are. */
import { type MaintenanceWindow, weekdays } from '@mainstay/contract/policy';
import { spend } from './work.ts';

const minute_ms = 60_000;
/** Zones change their offset at quarters of an hour only, so that within one the clock on the wall goes as ours. */
const quarter_ms = 15 * minute_ms;
/** How far ahead an opening is looked for: windows go by the week, and what does not meet in two does not meet. */
const horizon_ms = 15 * 86_400_000;
/** What reading a clock on the wall takes, in steps of a glob. */
const steps_of_a_wall_clock = 1_000;

/** When all windows are open: now when they are, otherwise their next opening; null when they never meet within 15 days. */
export function nextOpening(windows: readonly MaintenanceWindow[], now: number): number | null {
  if (windows.length === 0) return now;
  const walls = windows.map(({ time_zone }) => wallClock(time_zone));
  for (let quarter = now - (now % quarter_ms); quarter < now + horizon_ms; quarter += quarter_ms) {
    spend(walls.length * steps_of_a_wall_clock);
    const starts = walls.map((wall) => wall(quarter));
    for (let offset = 0; offset < 15; offset++) {
      const at = quarter + offset * minute_ms;
      if (at + minute_ms <= now) continue;
      if (windows.every((window, index) => isOpen(window, starts[index]! + offset))) return Math.max(at, now);
    }
  }
  return null;
}

/** `week_minute`: minutes since Monday, 0:00, by the clock on the wall. */
function isOpen({ days, from, to }: MaintenanceWindow, week_minute: number): boolean {
  const open = minutesOf(from);
  const close = minutesOf(to) > open ? minutesOf(to) : minutesOf(to) + 1_440;
  return days.some((day) => {
    const since = (week_minute - weekdays.indexOf(day) * 1_440 - open + 10_080) % 10_080;
    return since < close - open;
  });
}

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number);
  return hours! * 60 + minutes!;
}

const names = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** Minutes since Monday, 0:00, in that zone. */
function wallClock(time_zone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: time_zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (at) => {
    const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return names.indexOf(parts['weekday'] ?? '') * 1_440 + Number(parts['hour']) * 60 + Number(parts['minute']);
  };
}
