/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch } from '../../search.ts';

export type ServerSearch = { tab?: 'overview' | 'usage' | 'services' | 'events' | undefined };

export function serverSearch(raw: RawSearch): ServerSearch {
  return { tab: oneOf(raw['tab'], ['overview', 'usage', 'services', 'events']) };
}
