/** What happened: a timeline that is filtered by its address, grows backwards as it is scrolled, and forwards as things happen. */
import { Button } from '@mantine/core';
import { getRouteApi } from '@tanstack/react-router';
import { useMemo } from 'react';
import { events as texts } from '../../texts/events.ts';
import { EmptyState, ErrorNotice, Page, Rows } from '../../ui/page.tsx';
import { filterOf, filtersSet } from './event-filter.ts';
import { EventFilters } from './event-filters.tsx';
import css from './events.module.css';
import type { EventsSearch } from './events-search.ts';
import { TimelineView } from './timeline-view.tsx';
import { useTimeline } from './use-timeline.ts';

const route = getRouteApi('/events');

export function EventsPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: EventsSearch) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true, resetScroll: false });
  const clear = () => void navigate({ search: {}, replace: true });
  const asked = JSON.stringify(search);
  const filter = useMemo(() => filterOf(JSON.parse(asked) as EventsSearch, Date.now()), [asked]);
  const [state, timeline] = useTimeline(filter);
  return (
    <Page title={texts.title} lead={texts.lead}>
      <EventFilters search={search} set={set} clear={clear} actors={state.actors} />
      {state.error && <ErrorNotice error={state.error} retry={() => void timeline.catchUp()} />}
      <div className={css.card}>
        {state.lines === null ? (
          !state.error && (
            <div className={css.skeleton}>
              <Rows count={14} height={37} />
            </div>
          )
        ) : state.lines.length === 0 ? (
          <Nothing isFiltered={filtersSet(search) > 0} clear={clear} />
        ) : (
          <TimelineView state={state} timeline={timeline} lines={state.lines} />
        )}
      </div>
    </Page>
  );
}

function Nothing({ isFiltered, clear }: { isFiltered: boolean; clear(): void }) {
  if (!isFiltered) return <EmptyState title={texts.emptyTitle}>{texts.emptyText}</EmptyState>;
  return (
    <EmptyState title={texts.noneTitle} action={<Button onClick={clear}>{texts.filters.clear}</Button>}>
      {texts.noneText}
    </EmptyState>
  );
}
