/** From the address to what is asked of the control plane, and back. */
import { eventGroups } from './event-groups.ts';
import type { EventRange, EventsSearch } from './events-search.ts';
import type { EventFilter } from './timeline.ts';

export const range_ms: Record<EventRange, number> = {
  '15m': 15 * 60_000,
  '1h': 3_600_000,
  '24h': 24 * 3_600_000,
  '7d': 7 * 24 * 3_600_000,
};

/** A relative range begins at a whole minute, so that the filter of a page that is drawn again stays the same. */
const minute_ms = 60_000;

export function filterOf(search: EventsSearch, now: number): EventFilter {
  const { about, kind, severity, stack, server, service, actor, operation, q, range, from, to } = search;
  const begin = range ? Math.floor((now - range_ms[range]) / minute_ms) * minute_ms : from;
  return {
    ...(kind ? { kind: [kind] } : about ? { kind: [...eventGroups[about]] } : {}),
    ...(severity ? { severity } : {}),
    ...(stack ? { stack } : {}),
    ...(server ? { server } : {}),
    ...(service ? { service } : {}),
    ...(actor ? { actor } : {}),
    ...(operation ? { operation_id: operation } : {}),
    ...(q ? { search: q } : {}),
    ...(begin === undefined ? {} : { from: begin }),
    ...(range || to === undefined ? {} : { to }),
  };
}

/** How many filters are set; a range of two ends is one. */
export function filtersSet({ from, to, range, ...rest }: EventsSearch): number {
  const others = Object.values(rest).filter((value) => value !== undefined).length;
  return others + (range !== undefined || from !== undefined || to !== undefined ? 1 : 0);
}

/** A moment as `<input type="datetime-local">` wants it, in the person's own time zone. */
export function localInput(at: number | undefined): string {
  if (at === undefined) return '';
  const shifted = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return Number.isNaN(shifted.getTime()) ? '' : shifted.toISOString().slice(0, 16);
}

/** The moment that such an input holds; undefined when it holds none. */
export function momentOf(text: string): number | undefined {
  const at = new Date(text).getTime();
  return text === '' || Number.isNaN(at) ? undefined : at;
}
