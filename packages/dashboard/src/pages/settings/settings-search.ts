/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch } from '../../search.ts';

export type SettingsSearch = { tab?: 'profile' | 'appearance' | 'api' | 'about' | undefined };

export function settingsSearch(raw: RawSearch): SettingsSearch {
  return { tab: oneOf(raw['tab'], ['profile', 'appearance', 'api', 'about']) };
}
