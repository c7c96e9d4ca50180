/** Search parameters of this page: they are its state, so that every view can be linked. */
import { type RawSearch, textOf } from '../../search.ts';

export type EventsSearch = { stack?: string | undefined; server?: string | undefined };

export function eventsSearch(raw: RawSearch): EventsSearch {
  return { stack: textOf(raw['stack']), server: textOf(raw['server']) };
}
