/** Everything at a glance: what needs a person, the stacks, the servers, and what happened last. */
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { overview as texts } from '../../texts/overview.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { EventList } from '../../ui/event/event-list.tsx';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import { useWaitingForMe } from '../../ui/waiting/use-me.ts';
import { FirstSteps, needsFirstSteps } from './first-steps.tsx';
import { lastChanges } from './last-change.ts';
import { type NeedsInput, needsOf } from './needs.ts';
import { NeedsSection } from './needs-section.tsx';
import css from './overview.module.css';
import { ServerRows } from './server-rows.tsx';
import { StackRows } from './stack-rows.tsx';

/** How busy servers are is told by no topic of the live connection. */
const usage_every_ms = 15_000;

export function OverviewPage() {
  const stacks = useRead('stacks.list', {});
  const servers = useRead('servers.list', {}, { every_ms: usage_every_ms });
  const operations = useRead('operations.list', { limit: 200 });
  const waiting = useWaitingForMe();
  const warnings = useRead('events.list', { limit: 200, severity: 'warning' });
  const sources = useRead('events.list', { limit: 200, kind: ['stack.source_unavailable', 'stack.source_available'] });
  const isEmpty = stacks.data?.stacks.length === 0 && servers.data?.servers.length === 0;
  // Without these the page only knows less; with an error in them it is shown all the same.
  const isComing = operations.isPending || warnings.isPending || sources.isPending;
  const skeleton = (
    <div className={css.coming}>
      <Rows count={8} height={52} />
    </div>
  );
  return (
    <Page
      title={texts.title}
      actions={
        !isEmpty && (
          <>
            <Allowed to="servers:write">
              <Button variant="default" renderRoot={(props) => <Link to="/servers/add" {...props} />}>
                {texts.servers.add}
              </Button>
            </Allowed>
            <Allowed to="stacks:write">
              <Button leftSection={<IconPlus size={16} />} renderRoot={(props) => <Link to="/stacks/new" {...props} />}>
                {texts.stacks.new}
              </Button>
            </Allowed>
          </>
        )
      }
    >
      <Fetched query={stacks} skeleton={skeleton}>
        {({ stacks }) => (
          <Fetched query={servers} skeleton={skeleton}>
            {({ servers }) =>
              isComing ? (
                skeleton
              ) : (
                <Glance
                  stacks={stacks}
                  servers={servers}
                  operations={operations.data?.operations ?? []}
                  waiting={waiting ?? []}
                  warnings={warnings.data?.events ?? []}
                  sources={sources.data?.events ?? []}
                />
              )
            }
          </Fetched>
        )}
      </Fetched>
      <Recent />
    </Page>
  );
}

type GlanceProps = Omit<NeedsInput, 'now'>;

function Glance(props: GlanceProps) {
  const { stacks, servers, operations, warnings } = props;
  const needs = needsOf({ ...props, now: Date.now() });
  const changes = lastChanges(operations, warnings);
  const desired = new Map(stacks.map((stack) => [stack.name, stack.version]));
  const busy = stacks.some((stack) => stack.health === 'deploying');
  const calm = {
    busy,
    text: busy ? texts.needs.busy : texts.needs.noneWithServers(stacks.length, servers.length),
  };
  const isBeginning = needsFirstSteps({ stacks, servers });
  return (
    <>
      {isBeginning && <FirstSteps stacks={stacks} servers={servers} />}
      {(!isBeginning || needs.length > 0) && <NeedsSection needs={needs} calm={calm} />}
      {stacks.length > 0 && (
        <Section title={texts.stacks.title} flush>
          <StackRows stacks={stacks} servers={servers} changes={changes} />
        </Section>
      )}
      {servers.length > 0 && (
        <Section
          title={texts.servers.title}
          flush
          aside={
            <Link to="/servers" className={css.all}>
              {texts.servers.all(servers.length)}
            </Link>
          }
        >
          <ServerRows servers={servers} desired={desired} />
        </Section>
      )}
    </>
  );
}

/** So many are fetched, as repetitions become one line, and so many lines are shown. */
const recent_fetched = 80;
const recent_lines = 10;

function Recent() {
  const events = useRead('events.list', { limit: recent_fetched });
  return (
    <Section
      title={texts.recent.title}
      flush
      aside={
        <Link to="/events" className={css.all}>
          {texts.recent.all}
        </Link>
      }
    >
      <Fetched query={events} skeleton={<Rows count={6} height={36} />}>
        {({ events }) =>
          events.length === 0 ? (
            <EmptyState title={texts.recent.none} />
          ) : (
            <EventList events={events.toReversed()} grouped lines_max={recent_lines} label={texts.recent.title} />
          )
        }
      </Fetched>
    </Section>
  );
}
