/** Settings of the person and of this installation, a tab each. */
import { getRouteApi } from '@tanstack/react-router';
import { settings as texts } from '../../texts/settings.ts';
import { Page } from '../../ui/page.tsx';
import { PageTabs } from '../../ui/page-tabs.tsx';
import { AboutTab } from './about-tab.tsx';
import { AccessTab } from './access/access-tab.tsx';
import { ApiTab } from './api-tab.tsx';
import { AppearanceTab } from './appearance-tab.tsx';
import { CredentialsTab } from './credentials/credentials-tab.tsx';
import { KeysTab } from './keys/keys-tab.tsx';
import { PeopleTab } from './people/people-tab.tsx';
import { ProfileTab } from './profile-tab.tsx';
import { type SettingsTab, settingsTabs } from './settings-search.ts';

const route = getRouteApi('/settings');

const panels: Record<SettingsTab, () => React.ReactNode> = {
  profile: () => <ProfileTab />,
  appearance: () => <AppearanceTab />,
  people: () => <PeopleTab />,
  access: () => <AccessTab />,
  keys: () => <KeysTab />,
  credentials: () => <CredentialsTab />,
  api: () => <ApiTab />,
  about: () => <AboutTab />,
};

const tabs = settingsTabs.map((value) => ({ value, word: texts.tabs[value] }));

export function SettingsPage() {
  const { tab = 'profile' } = route.useSearch();
  return (
    <Page title={texts.title} tabTitle={`${texts.tabs[tab]} · ${texts.title}`}>
      <PageTabs tabs={tabs} value={tab} label={texts.tabsLabel}>
        {panels[tab]()}
      </PageTabs>
    </Page>
  );
}
