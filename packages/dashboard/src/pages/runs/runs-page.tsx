/** Runs, newest first, filtered by the address; and the schedules that start some. */
import type { RunView } from '@mainstay/contract/operations/runs';
import { Button, NativeSelect } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { runs as texts } from '../../texts/runs.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { EmptyState, Page, Section } from '../../ui/page.tsx';
import { PagedRows, Row, RowFilters, RowList } from '../../ui/row-list.tsx';
import { absoluteTime, Time } from '../../ui/time.tsx';
import { lasted, runStatus, runTitle } from './run-words.ts';
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
  const operations = useRead('operations.list', { limit: operations_max }).data?.operations ?? [];
  const summaries = new Map(operations.map(({ id, plan }) => [id ?? '', plan.summary]));
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
        <PagedRows
          key={JSON.stringify(filter)}
          label={texts.title}
          older={texts.more}
          usePage={(before) =>
            useRead(
              'runs.list',
              { ...filter, limit: page_size, ...(before ? { before } : {}) },
              { keep: true, ...(before ? {} : { every_ms }) },
            )
          }
          itemsOf={({ runs }) => runs}
          row={(run) => <RunRow run={run} about={summaries.get(run.operation_id ?? '')} />}
          nothing={nothing}
        />
      </Section>
      <Schedules />
    </Page>
  );
}

function Filters({ search, set, clear }: { search: RunsSearch; set(change: RunsSearch): void; clear(): void }) {
  const words = texts.filters;
  return (
    <RowFilters label={words.label}>
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
    </RowFilters>
  );
}

function RunRow({ run, about }: { run: RunView; about: string | undefined }) {
  const { id, state, workflow, version, steps_total, steps_left, actor, created_at, finished_at } = run;
  return (
    <Row
      status={runStatus(state)}
      what={
        <Link to="/runs/$id" params={{ id }}>
          {runTitle(run, about)}
        </Link>
      }
      more={
        <>
          {texts.workflow(workflow, version)} · {texts.progress(steps_total - steps_left, steps_total)}
          {finished_at !== null && ` · ${texts.took(lasted(finished_at - created_at))}`}
        </>
      }
      who={actor && <Foreign text={actor.name} />}
      when={<Time at={created_at} />}
    />
  );
}

/** Shown where there are any: they are made on the command line. */
function Schedules() {
  const schedules = useRead('schedules.list', {}).data?.schedules ?? [];
  if (schedules.length === 0) return null;
  return (
    <Section title={texts.schedules} flush>
      <RowList label={texts.schedules}>
        {schedules.map(({ id, name, cron, time_zone, next_at, last_run_id, enabled, error }) => (
          <Row
            key={id}
            status={{ tone: error ? 'bad' : enabled ? 'good' : 'idle', word: name }}
            what={<code>{cron}</code>}
            more={error ?? time_zone}
            who={
              last_run_id && (
                <Link to="/runs/$id" params={{ id: last_run_id }}>
                  {texts.openRun}
                </Link>
              )
            }
            when={next_at === null ? texts.never : `${texts.next} ${absoluteTime(next_at)}`}
          />
        ))}
      </RowList>
    </Section>
  );
}
