/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch, textOf } from '../../search.ts';

export type ServiceSearch = {
  tab?: 'logs' | 'releases' | 'health' | 'usage' | 'crashes' | undefined;
  server?: string | undefined;
};

export function serviceSearch(raw: RawSearch): ServiceSearch {
  return { tab: oneOf(raw['tab'], ['logs', 'releases', 'health', 'usage', 'crashes']), server: textOf(raw['server']) };
}
