/** Stack: how it is, what can be done with all of it, and its views as tabs. */
import type { AppError } from '@mainstay/contract/app-error';
import { Button, Skeleton } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { general } from '../../texts/general.ts';
import { head as texts } from '../../texts/stack/head.ts';
import { EmptyState, ErrorNotice, Page, Rows } from '../../ui/page.tsx';
import { PageTabs } from '../../ui/page-tabs.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { stackStatus } from '../../ui/words.ts';
import { ServerNotices } from './server-notices.tsx';
import { ServicesTab } from './services/services-tab.tsx';
import { StackActions } from './stack-actions.tsx';
import { StackActs } from './stack-acts.tsx';
import { StackFacts, StackNotices } from './stack-facts.tsx';
import { type StackSearch, type StackTab, stackTabs } from './stack-search.ts';
import { StackTargetsNotice } from './stack-targets.tsx';

const MapTab = lazy(() => import('./map/map-tab.tsx'));
const ReleasesTab = lazy(() => import('./releases/releases-tab.tsx'));
const EnvironmentTab = lazy(() => import('./environment/environment-tab.tsx'));
const ConfigurationTab = lazy(() => import('./configuration/configuration-tab.tsx'));
const FileTab = lazy(() => import('./file/file-tab.tsx'));
const WebhookTab = lazy(() => import('./webhook/webhook-tab.tsx'));

const route = getRouteApi('/stacks/$stack');
const tabs = stackTabs.map((value) => ({ value, word: texts.tabWords[value] }));

export function StackPage() {
  const { stack: name } = route.useParams();
  const search = route.useSearch();
  const query = useRead('stacks.get', { stack: name });
  // What was known of a stack that is gone by now is no longer true of anything.
  const data = query.error?.code === 'NotFound' ? undefined : query.data;
  const stack = data?.stack;
  return (
    <Page
      title={name}
      trail={<Link to="/">{texts.trail}</Link>}
      aside={
        stack ? (
          <StatusMark {...stackStatus(stack.health)} form="chip" />
        ) : (
          !query.error && <Skeleton width={90} height={22} />
        )
      }
      lead={stack ? stack.message : undefined}
      actions={stack && <StackActions stack={stack} />}
    >
      {query.error && !stack && <NotLoaded name={name} error={query.error} retry={() => void query.refetch()} />}
      {query.isPending && <Rows count={6} />}
      {data && (
        <>
          <StackFacts stack={data.stack} targets={data.targets} />
          <StackNotices stack={data.stack} />
          <StackTargetsNotice targets={data.targets} />
          <ServerNotices stack={name} />
          <PageTabs tabs={tabs} value={search.tab ?? 'services'} label={texts.tabs}>
            <Suspense fallback={<Rows count={6} />}>{panel(search.tab ?? 'services', data, search)}</Suspense>
          </PageTabs>
        </>
      )}
      <StackActs stack={name} act={search.act} version={search.version} />
    </Page>
  );
}

function NotLoaded({ name, error, retry }: { name: string; error: AppError; retry(): void }) {
  if (error.code !== 'NotFound') return <ErrorNotice error={error} retry={retry} />;
  return (
    <EmptyState
      title={texts.notFound(name)}
      action={<Button renderRoot={(props) => <Link to="/" {...props} />}>{general.toOverview}</Button>}
    >
      {general.notFoundText}
    </EmptyState>
  );
}

function panel(tab: StackTab, data: Output<'stacks.get'>, search: StackSearch): ReactNode {
  const stack = data.stack.name;
  switch (tab) {
    case 'services':
      return <ServicesTab stack={stack} {...search} />;
    case 'map':
      return <MapTab data={data} {...search} />;
    case 'releases':
      return <ReleasesTab stack={data.stack} {...search} />;
    case 'environment':
      return <EnvironmentTab data={data} {...search} />;
    case 'configuration':
      return <ConfigurationTab data={data} {...search} />;
    case 'file':
      return <FileTab stack={data.stack} {...search} />;
    case 'webhook':
      return <WebhookTab data={data} />;
  }
}
