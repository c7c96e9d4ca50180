/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch } from '../../search.ts';

export const settingsTabs = [
  'profile',
  'appearance',
  'people',
  'access',
  'keys',
  'credentials',
  'api',
  'about',
] as const;
export type SettingsTab = (typeof settingsTabs)[number];

export const settingsForms = ['deploy_key', 'token', 'person', 'api_token'] as const;

export type SettingsSearch = {
  tab?: SettingsTab | undefined;
  /** Opens a form of the tab. */
  add?: (typeof settingsForms)[number] | undefined;
};

export function settingsSearch(raw: RawSearch): SettingsSearch {
  return { tab: oneOf(raw['tab'], settingsTabs), add: oneOf(raw['add'], settingsForms) };
}
