/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch } from '../../search.ts';

export type StackSearch = {
  tab?: 'services' | 'map' | 'releases' | 'environment' | 'file' | 'webhook' | 'settings' | undefined;
  act?: 'deploy' | 'rollback' | undefined;
};

export function stackSearch(raw: RawSearch): StackSearch {
  return {
    tab: oneOf(raw['tab'], ['services', 'map', 'releases', 'environment', 'file', 'webhook', 'settings']),
    act: oneOf(raw['act'], ['deploy', 'rollback']),
  };
}
