/** What a server says when it is asked how it is now. Loaded when it is wanted, as most visits do not want it. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Alert, Button } from '@mantine/core';
import { IconPlugConnectedX, IconRefresh } from '@tabler/icons-react';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { readOptions } from '../../../api/queries.ts';
import { diagnosis as texts } from '../../../texts/diagnosis.ts';
import { useNow } from '../../../ui/clock.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { EmptyState, ErrorNotice, Rows, Section } from '../../../ui/page.tsx';
import { Time } from '../../../ui/time.tsx';
import { ago } from '../../../ui/words.ts';
import { DiagnosedLogs } from './diagnosed-logs.tsx';
import css from './diagnosis.module.css';
import { Checks, Disks, Facts, FailedUnits, Ports, Units } from './diagnosis-parts.tsx';

const route = getRouteApi('/servers/$server');

export default function ServerDiagnosis({ server, answers }: { server: ServerView; answers: readonly string[] }) {
  const { unit } = route.useSearch();
  const navigate = route.useNavigate();
  const can_ask = server.state === 'online' && answers.includes('diagnose');
  const query = useQuery({
    ...readOptions('servers.diagnose', unit === undefined ? { server: server.name } : { server: server.name, unit }),
    enabled: can_ask,
    // It says how it was when it was asked; to ask again is for the person to say.
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
    placeholderData: keepPreviousData,
  });
  const choose = (next: string | null) =>
    void navigate({
      search: (before) => ({ ...before, unit: next ?? undefined }),
      replace: true,
      resetScroll: false,
    });
  const { data, error, isFetching } = query;
  return (
    <div className={css.page}>
      <div className={css.bar}>
        <p className={css.asked} aria-live="polite">
          {isFetching ? (
            texts.looking
          ) : data ? (
            <>
              {texts.asked} <Time at={data.asked_at} />, {texts.answered((data.diagnosis.took_ms / 1_000).toFixed(1))}
            </>
          ) : null}
        </p>
        <Button
          leftSection={<IconRefresh size={16} />}
          variant="default"
          disabled={!can_ask}
          loading={isFetching}
          onClick={() => void query.refetch()}
        >
          {texts.look}
        </Button>
      </div>
      {!can_ask && <WhyNot server={server} />}
      {error && can_ask && (
        <ErrorNotice
          title={texts.failed}
          error={error}
          // A unit that is there no more is asked for no more.
          retry={error.code === 'NotFound' ? () => choose(null) : () => void query.refetch()}
        />
      )}
      {data ? (
        <>
          <Facts diagnosis={data.diagnosis} />
          <Checks checks={data.diagnosis.checks} />
          <Units units={data.diagnosis.units} server={server.name} />
          {data.diagnosis.failed_units && data.diagnosis.failed_units.length > 0 && (
            <FailedUnits units={data.diagnosis.failed_units} />
          )}
          <Ports ports={data.diagnosis.ports} server={server.name} />
          <Disks disks={data.diagnosis.disks} server={server.name} />
          <DiagnosedLogs diagnosis={data.diagnosis} unit={unit ?? null} choose={choose} />
          {data.diagnosis.notes.length > 0 && (
            <Alert color="yellow" variant="light" title={texts.notes}>
              <ul className={css.notes}>
                {data.diagnosis.notes.map((note) => (
                  <li key={note}>
                    <Foreign text={note} />
                  </li>
                ))}
              </ul>
            </Alert>
          )}
        </>
      ) : (
        can_ask &&
        !error && (
          <Section title={texts.title}>
            <Rows count={10} />
          </Section>
        )
      )}
    </div>
  );
}

function WhyNot({ server }: { server: ServerView }) {
  const now = useNow();
  const is_offline = server.state !== 'online';
  return (
    <Section>
      <EmptyState
        title={is_offline ? texts.offlineTitle : texts.oldTitle}
        icon={<IconPlugConnectedX size={30} stroke={1.4} />}
      >
        {is_offline ? texts.offlineText(ago(server.last_seen_at ?? now, now)) : texts.oldText}
      </EmptyState>
    </Section>
  );
}
