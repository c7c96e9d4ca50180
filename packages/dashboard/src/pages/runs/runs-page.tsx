/** Runs, newest first, filtered by the address; and the schedules that start some. */
import type { RunView } from '@mainstay/contract/operations/runs';
import { Button, NativeSelect } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import type { Input } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { runs as texts } from '../../texts/runs.ts';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { absoluteTime, Time } from '../../ui/time.tsx';
import { lasted, runStatus, runTitle } from './run-words.ts';
import css from './runs.module.css';
import { type RunStateGroup, type RunsSearch, runStateGroups } from './runs-search.ts';

const route = getRouteApi('/runs');
const page_size = 50;
/** Runs are called after what they carry out; those of older operations after their workflow. */
const operations_max = 200;
/** For what the live connection does not tell, such as progress of steps. */
const every_ms = 10_000;

export function RunsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: RunsSearch) =>
    void navigate({ search: (old) => ({ ...old, ...change }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true, resetScroll: false });
  const filter = {
    ...(search.state ? { state: [...runStateGroups[search.state]] } : {}),
    ...(search.workflow ? { workflow: search.workflow } : {}),
  };
  const isFiltered = Object.keys(filter).length > 0;
  const nothing = isFiltered ? (
    <EmptyState title={texts.noneTitle} action={<Button onClick={clear}>{texts.filters.clear}</Button>}>
      {texts.noneText}
    </EmptyState>
  ) : (
    <EmptyState title={texts.emptyTitle}>{texts.emptyText}</EmptyState>
  );
  return (
    <Page title={texts.title} lead={texts.lead}>
      <Section title={texts.all} flush aside={<Filters search={search} set={set} clear={clear} />}>
        <RunsPageOf key={JSON.stringify(filter)} filter={filter} nothing={nothing} />
      </Section>
      <Schedules />
    </Page>
  );
}

function Filters({ search, set, clear }: { search: RunsSearch; set(change: RunsSearch): void; clear(): void }) {
  const words = texts.filters;
  return (
    <search className={css.filters} aria-label={words.label}>
      <NativeSelect
        size="xs"
        aria-label={words.state}
        value={search.state ?? ''}
        onChange={({ currentTarget: { value } }) => set({ state: (value || undefined) as RunStateGroup | undefined })}
        data={[
          { value: '', label: words.anyState },
          ...(Object.keys(runStateGroups) as RunStateGroup[]).map((value) => ({ value, label: words.states[value] })),
        ]}
      />
      {(search.state || search.workflow) && (
        <Button size="xs" variant="subtle" leftSection={<IconX size={14} />} onClick={clear}>
          {words.clear}
        </Button>
      )}
    </search>
  );
}

type PageOfProps = { filter: Input<'runs.list'>; before?: string; nothing: React.ReactNode };

/** One page and, when it was asked for, the page after it: each is a query of its own that stays fresh. */
function RunsPageOf({ filter, before, nothing }: PageOfProps) {
  const [isOlder, setOlder] = useState(false);
  const input = { ...filter, limit: page_size, ...(before ? { before } : {}) };
  const operations = useRead('operations.list', { limit: operations_max }).data?.operations ?? [];
  const summaries = new Map(operations.map(({ id, plan }) => [id ?? '', plan.summary]));
  const query = useRead('runs.list', input, { keep: true, ...(before ? {} : { every_ms }) });
  return (
    <Fetched
      query={query}
      skeleton={
        <div className={css.skeleton}>
          <Rows count={before ? 3 : 10} height={50} />
        </div>
      }
    >
      {({ runs, more }) => {
        const last = runs.at(-1)?.id;
        if (runs.length === 0) return before ? null : nothing;
        return (
          <>
            <ul className={css.rows} aria-label={texts.title}>
              {runs.map((run) => (
                <Row key={run.id} run={run} about={summaries.get(run.operation_id ?? '')} />
              ))}
            </ul>
            {more && last && !isOlder && (
              <div className={css.more}>
                <Button variant="default" size="xs" onClick={() => setOlder(true)}>
                  {texts.more}
                </Button>
              </div>
            )}
            {more && last && isOlder && <RunsPageOf filter={filter} before={last} nothing={null} />}
          </>
        );
      }}
    </Fetched>
  );
}

function Row({ run, about }: { run: RunView; about: string | undefined }) {
  const { id, state, workflow, version, steps_total, steps_left, actor, created_at, finished_at } = run;
  return (
    <li className={css.row}>
      <StatusMark {...runStatus(state)} />
      <span className={css.what}>
        <Link to="/runs/$id" params={{ id }}>
          {runTitle(run, about)}
        </Link>
        <span className={css.quiet}>
          {texts.workflow(workflow, version)} · {texts.progress(steps_total - steps_left, steps_total)}
          {finished_at !== null && ` · ${texts.took(lasted(finished_at - created_at))}`}
        </span>
      </span>
      <span className={css.who}>{actor?.name}</span>
      <span className={css.when}>
        <Time at={created_at} />
      </span>
    </li>
  );
}

/** Shown where there are any: they are made on the command line. */
function Schedules() {
  const schedules = useRead('schedules.list', {}).data?.schedules ?? [];
  if (schedules.length === 0) return null;
  return (
    <Section title={texts.schedules} flush>
      <ul className={css.rows}>
        {schedules.map(({ id, name, cron, time_zone, next_at, last_run_id, enabled, error }) => (
          <li key={id} className={css.row}>
            <StatusMark tone={error ? 'bad' : enabled ? 'good' : 'idle'} word={name} />
            <span className={css.what}>
              <code>{cron}</code>
              <span className={css.quiet}>{error ?? time_zone}</span>
            </span>
            <span className={css.who}>
              {last_run_id && (
                <Link to="/runs/$id" params={{ id: last_run_id }}>
                  {texts.openRun}
                </Link>
              )}
            </span>
            <span className={css.when}>
              {next_at === null ? texts.never : `${texts.next} ${absoluteTime(next_at)}`}
            </span>
          </li>
        ))}
      </ul>
    </Section>
  );
}
