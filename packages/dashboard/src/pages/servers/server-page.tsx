/** One server: how it is, what it is to run and runs, how busy it was, what happened on it. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Alert, Button, Skeleton } from '@mantine/core';
import { IconAlertTriangle, IconPlugConnectedX } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { useRead } from '../../api/queries.ts';
import { servers as texts } from '../../texts/servers.ts';
import { useNow } from '../../ui/clock.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { EmptyState, ErrorNotice, Page, Rows, Section } from '../../ui/page.tsx';
import { PageTabs } from '../../ui/page-tabs.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { duration, statusOfServer } from '../../ui/words.ts';
import css from './server.module.css';
import { ServerActs } from './server-acts.tsx';
import { ServerEvents } from './server-events.tsx';
import { ServerOverview } from './server-overview.tsx';
import { serverTabs } from './server-search.ts';
import { ServerServices } from './server-services.tsx';

const ServerUsage = lazy(() => import('./server-usage.tsx'));
const ServerDiagnosis = lazy(() => import('./diagnosis/server-diagnosis.tsx'));

const route = getRouteApi('/servers/$server');

export function ServerPage() {
  const { server: name } = route.useParams();
  const query = useRead('servers.get', { server: name });
  const trail = <Link to="/servers">{texts.trail}</Link>;
  if (query.data) {
    const { server, reported } = query.data;
    return (
      <Page
        title={server.name}
        trail={trail}
        aside={<StatusMark {...statusOfServer(server)} form="chip" />}
        lead={<Lead server={server} />}
        actions={<ServerActs server={server} />}
      >
        {server.state === 'invited' ? <Invited server={server} /> : <Enrolled server={server} reported={reported} />}
      </Page>
    );
  }
  if (query.error) {
    return (
      <Page title={name} trail={trail}>
        {query.error.code === 'NotFound' ? (
          <Section>
            <EmptyState
              title={texts.noSuch}
              action={<Button renderRoot={(props) => <Link to="/servers" {...props} />}>{texts.toServers}</Button>}
            >
              {texts.noSuchText}
            </EmptyState>
          </Section>
        ) : (
          <ErrorNotice error={query.error} retry={() => void query.refetch()} />
        )}
      </Page>
    );
  }
  return (
    <Page title={name} trail={trail} lead={<Skeleton height={14} width={220} my={4} />}>
      <Section>
        <Rows count={6} />
      </Section>
    </Page>
  );
}

function Lead({ server }: { server: ServerView }) {
  return (
    <>
      {server.stack === null ? (
        texts.noStack
      ) : (
        <>
          {texts.runsStack}{' '}
          <Link to="/stacks/$stack" params={{ stack: server.stack }}>
            {server.stack}
          </Link>
        </>
      )}
      {server.os && (
        <>
          {' · '}
          <Foreign text={`${server.os} · ${server.arch} · ${texts.cores(server.cpus ?? 0)}`} />
        </>
      )}
    </>
  );
}

function Invited({ server }: { server: ServerView }) {
  return (
    <Section>
      <EmptyState
        title={texts.invitedTitle}
        icon={<IconPlugConnectedX size={30} stroke={1.4} />}
        action={
          <Button
            renderRoot={(props) => (
              <Link
                to="/servers/add"
                search={{ name: server.name, ...(server.stack === null ? {} : { stack: server.stack }) }}
                {...props}
              />
            )}
          >
            {texts.newToken}
          </Button>
        }
      >
        {texts.invitedText}
      </EmptyState>
    </Section>
  );
}

type EnrolledProps = { server: ServerView; reported: AgentState | null };

function Enrolled({ server, reported }: EnrolledProps) {
  const { tab = 'overview' } = route.useSearch();
  const tabs = serverTabs.map((value) => ({
    value,
    word: texts.tabs[value],
    ...(value === 'services' ? { count: server.services.total } : {}),
  }));
  return (
    <>
      {server.drained && (
        <Alert color="blue" variant="light" title={texts.drained}>
          {texts.drainedText}
        </Alert>
      )}
      {server.state === 'offline' && server.last_seen_at !== null && <Offline since={server.last_seen_at} />}
      {reported && reported.problems.length > 0 && (
        <Alert color="yellow" variant="light" icon={<IconAlertTriangle />} title={texts.problemsTitle}>
          <ul className={css.problems}>
            {reported.problems.map(({ code, message }) => (
              <li key={`${code} ${message}`}>
                <Foreign text={message} />
              </li>
            ))}
          </ul>
        </Alert>
      )}
      <PageTabs tabs={tabs} value={tab} label={server.name}>
        {tab === 'overview' && <ServerOverview server={server} reported={reported} />}
        {tab === 'usage' && (
          <Suspense fallback={<Rows count={8} />}>
            <ServerUsage server={server} />
          </Suspense>
        )}
        {tab === 'services' && <ServerServices server={server} />}
        {tab === 'diagnostics' && (
          <Suspense fallback={<Rows count={8} />}>
            <ServerDiagnosis server={server} answers={reported?.answers ?? []} />
          </Suspense>
        )}
        {tab === 'events' && <ServerEvents server={server.name} />}
      </PageTabs>
    </>
  );
}

function Offline({ since }: { since: number }) {
  const now = useNow();
  return (
    <Alert color="red" variant="light" icon={<IconPlugConnectedX />} title={texts.offline(duration(now - since))}>
      {texts.offlineHint}
    </Alert>
  );
}
