/** Crash reports: when, how and why the service ended, the last lines before, and what came of it. Newest first. */

import type { AppError } from '@mainstay/contract/app-error';
import type { EventView } from '@mainstay/contract/operations/watch';
import { Button } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useState } from 'react';
import { call, type Output } from '../../api/client.ts';
import { service } from '../../texts/service.ts';
import { useNow } from '../../ui/clock.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { lastLinesOf, type PrintedLine } from '../../ui/event/event-words.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { shownLine } from '../../ui/log-view/line-text.ts';
import { EmptyState, ErrorNotice, Rows, Section } from '../../ui/page.tsx';
import { TextScroller } from '../../ui/scroller.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { absoluteTime, Time, timeOfDay } from '../../ui/time.tsx';
import { duration } from '../../ui/words.ts';
import { crashKinds, crashOf, isCrashKind, withoutLines } from './crash.ts';
import css from './service.module.css';
import type { TabProps } from './tab-props.ts';

const texts = service.crashes;
const route = getRouteApi('/stacks/$stack/services/$service');
const page_events = 20;
/** Reports whose last lines are shown without a click. */
const opened_max = 3;

export default function CrashesTab({ stack, service: name, entries }: TabProps) {
  const { server } = route.useSearch();
  const filter = { stack, service: name, ...(server === undefined ? {} : { server }) };
  const query = useInfiniteQuery<
    Output<'events.list'>,
    AppError,
    { pages: Output<'events.list'>[] },
    unknown[],
    number | null
  >({
    queryKey: ['events.list', 'crashes', filter],
    queryFn: ({ pageParam, signal }) =>
      call(
        'events.list',
        { ...filter, kind: [...crashKinds], limit: page_events, ...(pageParam === null ? {} : { before: pageParam }) },
        { signal },
      ),
    initialPageParam: null,
    getNextPageParam: ({ more, events }) => (more ? (events[0]?.cursor ?? null) : null),
  });
  if (query.error && !query.data) return <ErrorNotice error={query.error} retry={() => void query.refetch()} />;
  if (!query.data) return <Rows count={3} height={180} />;
  const crashes = query.data.pages.flatMap(({ events }) => events.toReversed());
  if (crashes.length === 0) {
    return (
      <Section>
        <EmptyState title={texts.empty}>{texts.emptyText}</EmptyState>
      </Section>
    );
  }
  return (
    <>
      <ol className={css.crashes} aria-label={texts.list}>
        {crashes.map((event, index) => (
          <CrashCard
            key={event.id}
            event={event}
            showsServer={entries.length > 1}
            serves={servedSince(entries, event)}
            isOpen={index < opened_max}
          />
        ))}
      </ol>
      {query.hasNextPage && (
        <Button variant="default" mt="sm" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {texts.older}
        </Button>
      )}
    </>
  );
}

/** Whether what serves now served already when this happened. */
function servedSince(entries: TabProps['entries'], { server, at }: EventView): boolean {
  const since = entries.find((entry) => entry.server === server)?.observed?.since ?? null;
  return since !== null && since < at;
}

type CrashCardProps = { event: EventView; showsServer: boolean; serves: boolean; isOpen: boolean };

function CrashCard({ event, showsServer, serves, isOpen }: CrashCardProps) {
  const { kind, at, message, data, server, stack, service: name, release_id } = event;
  const crash = crashOf(data);
  const lines = lastLinesOf(data);
  const facts = [
    ...(crash.exit_code == null ? [] : [texts.exitCode(crash.exit_code)]),
    ...(crash.signal == null ? [] : [texts.signal(crash.signal)]),
    ...(crash.uptime_ms === undefined ? [] : [texts.ranFor(crash.uptime_ms)]),
    ...(crash.failures !== undefined && crash.failures > 1 ? [texts.inARow(crash.failures)] : []),
    ...(showsServer && server !== null ? [texts.onServer(server)] : []),
  ];
  return (
    <li className={css.crash}>
      <div className={css.crashHead}>
        <StatusMark tone="bad" word={isCrashKind(kind) ? texts.kinds[kind] : kind} form="chip" />
        <span>
          <Time at={at} /> <span className="quiet">· {absoluteTime(at)}</span>
        </span>
        <span className={css.crashFacts}>{facts.join(' · ')}</span>
      </div>
      <p className={css.message}>
        {crash.reason && crash.reason !== 'exit' && <strong>{texts.reasons[crash.reason]}. </strong>}
        <Foreign text={withoutLines(message, lines)} chars_max={2_000} />
      </p>
      <div className={css.crashFoot}>
        {crash.next_start_at !== undefined && <Next at={at} start={crash.next_start_at} />}
        {serves && (kind === 'candidate.failed' || kind === 'build.failed') && (
          <p className={css.small}>{texts.goesOn}</p>
        )}
        {stack !== null && name !== null && (
          <Link
            className={css.toLog}
            to="/stacks/$stack/services/$service"
            params={{ stack, service: name }}
            search={{
              at,
              ...(showsServer && server !== null ? { server } : {}),
              ...(release_id ? { release: release_id } : {}),
            }}
          >
            {texts.log}
          </Link>
        )}
      </div>
      {lines.length > 0 && <LastLines lines={lines} isOpen={isOpen} />}
    </li>
  );
}

function LastLines({ lines, isOpen }: { lines: readonly PrintedLine[]; isOpen: boolean }) {
  // As it was first drawn: a newer report does not close what is being read.
  const [open, setOpen] = useState(isOpen);
  return (
    <details className={css.printed} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{texts.lastLines}</summary>
      <span className={css.copyLines}>
        <CopyButton text={lines.map(({ text }) => text).join('\n')} />
      </span>
      <TextScroller className="printed">
        {lines.map((line, index) => (
          <div key={`${line.at} ${index}`}>
            <span className={css.lineTime} title={absoluteTime(line.at)}>
              {timeOfDay(line.at)}
            </span>
            <bdi dir="ltr">
              {shownLine(line.text, null)
                .pieces.map(({ text }) => text)
                .join('')}
            </bdi>
          </div>
        ))}
      </TextScroller>
    </details>
  );
}

function Next({ at, start }: { at: number; start: number }) {
  const now = useNow();
  return (
    <p className={css.small}>
      {start <= now ? texts.nextStart(timeOfDay(start), duration(start - at)) : texts.nextStartComing(timeOfDay(start))}
    </p>
  );
}
