/** One service of a stack, on the servers that run it: how it is, its logs, releases, health, usage and crashes. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { Button, NativeSelect, Skeleton } from '@mantine/core';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useRead } from '../../api/queries.ts';
import { service as texts } from '../../texts/service.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { EmptyState, ErrorNotice, Page, Rows, Section } from '../../ui/page.tsx';
import { PageTabs } from '../../ui/page-tabs.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import css from './service.module.css';
import { ServiceActions } from './service-actions.tsx';
import { ServiceFacts } from './service-facts.tsx';
import { ServiceNews } from './service-news.tsx';
import { serviceTabs } from './service-search.ts';
import { gravestStatus } from './service-state.ts';

const tabs = {
  logs: lazy(() => import('./logs-tab.tsx')),
  releases: lazy(() => import('./releases-tab.tsx')),
  health: lazy(() => import('./health-tab.tsx')),
  usage: lazy(() => import('./usage-tab.tsx')),
  crashes: lazy(() => import('./crashes-tab.tsx')),
};

const route = getRouteApi('/stacks/$stack/services/$service');

export function ServicePage() {
  const { stack, service } = route.useParams();
  const { tab = 'logs', server } = route.useSearch();
  const listed = useRead('services.list', { stack, service });
  const defined = useRead('stacks.get', { stack });
  const all = listed.data?.services ?? [];
  const entries = server === undefined ? all : all.filter((entry) => entry.server === server);
  const isKnown = all.length > 0 || defined.data?.spec.services[service] !== undefined;
  const error = listed.error ?? defined.error;
  const isLoaded = listed.data !== undefined && defined.data !== undefined;
  const status = gravestStatus(entries);
  const Tab = tabs[tab];
  const frame = {
    title: service,
    tabTitle: `${service} · ${stack}`,
    trail: <Trail stack={stack} />,
  };

  if (isLoaded && !isKnown) {
    return (
      <Page {...frame}>
        <Section>
          <EmptyState
            title={texts.missing.title}
            action={
              <Button
                variant="default"
                renderRoot={(props) => <Link to="/stacks/$stack" params={{ stack }} {...props} />}
              >
                {texts.missing.toStack}
              </Button>
            }
          >
            {texts.missing.text(service, stack)}
          </EmptyState>
        </Section>
      </Page>
    );
  }
  return (
    <Page
      {...frame}
      wide
      aside={
        status && (
          <StatusMark tone={status.tone} word={texts.stateOn(status.word, status.count, entries.length)} form="chip" />
        )
      }
      actions={
        <>
          <ServerPicker entries={all} server={server} />
          <ServiceActions stack={stack} service={service} paused={defined.data?.stack.paused != null} />
        </>
      }
    >
      {error && !isLoaded ? (
        <ErrorNotice error={error} retry={() => void Promise.all([listed.refetch(), defined.refetch()])} />
      ) : (
        <>
          {isLoaded ? <ServiceFacts entries={entries} /> : <Skeleton height={62} radius="md" />}
          <ServiceNews entries={entries} />
          {isLoaded && all.length === 0 ? (
            <Nowhere stack={stack} />
          ) : (
            <PageTabs
              tabs={serviceTabs.map((value) => ({ value, word: texts.tabs[value] }))}
              value={tab}
              label={texts.tabsLabel}
              keep={['server']}
            >
              <Suspense fallback={<Rows count={8} />}>
                {isLoaded ? (
                  <div className={css.tab}>
                    <Tab stack={stack} service={service} entries={entries} spec={defined.data?.spec ?? null} />
                  </div>
                ) : (
                  <Rows count={8} />
                )}
              </Suspense>
            </PageTabs>
          )}
        </>
      )}
    </Page>
  );
}

function Trail({ stack }: { stack: string }) {
  return (
    <>
      <span>{texts.trail}</span>
      <Link to="/stacks/$stack" params={{ stack }}>
        {stack}
      </Link>
    </>
  );
}

function Nowhere({ stack }: { stack: string }) {
  return (
    <Section>
      <EmptyState
        title={texts.nowhere.title}
        action={
          <Allowed to="servers:write">
            <Button renderRoot={(props) => <Link to="/servers/add" search={{ stack }} {...props} />}>
              {texts.nowhere.action}
            </Button>
          </Allowed>
        }
      >
        {texts.nowhere.text}
      </EmptyState>
    </Section>
  );
}

/** Chooses one of the servers that run it; not there when there is only one. */
function ServerPicker({ entries, server }: { entries: readonly ServiceOnServer[]; server: string | undefined }) {
  const navigate = route.useNavigate();
  const names = entries.map((entry) => entry.server);
  if (names.length < 2 && server === undefined) return null;
  const options = server === undefined || names.includes(server) ? names : [...names, server];
  return (
    <NativeSelect
      aria-label={texts.server}
      value={server ?? ''}
      onChange={({ currentTarget: { value } }) =>
        void navigate({
          search: (old) => ({ ...old, server: value || undefined, line: undefined }),
          resetScroll: false,
        })
      }
      data={[
        { value: '', label: texts.allServers(names.length) },
        ...options.map((name) => ({ value: name, label: name })),
      ]}
    />
  );
}
