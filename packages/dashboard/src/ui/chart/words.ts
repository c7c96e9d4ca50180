/** Times on and under a chart, in the person's own zone and spelling. */
import { chart as texts } from '../../texts/chart.ts';
import type { Gap } from './series.ts';

const day_ms = 86_400_000;
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** A moment in full. */
export function momentOf(at: number): string {
  return moment.format(at);
}

/** Ticks of a time axis: the hour, and the date where a day begins or days are what is counted. */
export function tickWords(ticks: readonly number[]): string[] {
  const step = ticks.length > 1 ? (ticks[1] ?? 0) - (ticks[0] ?? 0) : 0;
  return ticks.map((at) => {
    const date = new Date(at);
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    return step >= day_ms || isMidnight ? day.format(at) : clock.format(at);
  });
}

/** A moment as short as it is clear: the time of day, with the date where more than half a day is told of. */
export function momentWithin(at: number, span_ms: number): string {
  return (span_ms > day_ms / 2 ? dayAndClock : clock).format(at);
}

/** Gaps that are listed; the rest is counted. */
const listed_max = 2;

/** Where nothing is known, in words; the longest ones when there are many. Empty without gaps. */
export function gapWords(gaps: readonly Gap[], times: readonly number[]): string {
  if (gaps.length === 0 || times.length === 0) return '';
  const span_ms = (times.at(-1) ?? 0) - (times[0] ?? 0);
  const at = (time: number) => momentWithin(time, span_ms);
  const listed = [...gaps]
    .sort((a, b) => b.last - b.first - (a.last - a.first))
    .slice(0, listed_max)
    .sort((a, b) => a.first - b.first)
    .map(({ from, to }) => {
      if (from === null) return to === null ? texts.nothing : texts.noDataBefore(at(to));
      return to === null ? texts.noDataSince(at(from)) : texts.noDataBetween(at(from), at(to));
    });
  const more = gaps.length - listed.length;
  return [...listed, ...(more > 0 ? [texts.moreGaps(more)] : [])].join(' ');
}
