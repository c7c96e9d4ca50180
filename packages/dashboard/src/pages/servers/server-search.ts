/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch } from '../../search.ts';

export const serverTabs = ['overview', 'usage', 'services', 'events'] as const;
export const serverRanges = ['1h', '6h', '24h', '7d', '14d'] as const;

export type ServerSearch = {
  tab?: (typeof serverTabs)[number] | undefined;
  /** Of the usage tab. */
  range?: (typeof serverRanges)[number] | undefined;
};

export function serverSearch(raw: RawSearch): ServerSearch {
  return { tab: oneOf(raw['tab'], serverTabs), range: oneOf(raw['range'], serverRanges) };
}
