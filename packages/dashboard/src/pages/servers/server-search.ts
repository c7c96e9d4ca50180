/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch, textOf } from '../../search.ts';

export const serverTabs = ['overview', 'usage', 'services', 'diagnostics', 'events'] as const;
export const serverRanges = ['1h', '6h', '24h', '7d', '14d'] as const;

export type ServerSearch = {
  tab?: (typeof serverTabs)[number] | undefined;
  /** Of the usage tab. */
  range?: (typeof serverRanges)[number] | undefined;
  /** Whose log the diagnostics tab shows beside the agent's. */
  unit?: string | undefined;
};

export function serverSearch(raw: RawSearch): ServerSearch {
  return {
    tab: oneOf(raw['tab'], serverTabs),
    range: oneOf(raw['range'], serverRanges),
    unit: textOf(raw['unit'], 128),
  };
}
