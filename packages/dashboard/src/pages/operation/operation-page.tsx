/** One operation: who wanted what, exactly which plan was confirmed, how far it is on each server, and what came of it. */
import type { OperationView } from '@mainstay/contract/operation';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { operation as texts } from '../../texts/operation.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import { EventList } from '../../ui/event/event-list.tsx';
import facts from '../../ui/facts.module.css';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { EmptyState, Fetched, Page, Rows, Section } from '../../ui/page.tsx';
import { PlanDiff } from '../../ui/plan-diff.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { RequirementList } from '../../ui/waiting/requirement-list.tsx';
import { SaidList } from '../../ui/waiting/said-list.tsx';
import { VerdictButtons } from '../../ui/waiting/verdict-buttons.tsx';
import { duration, operationStatus, terminalStates } from '../../ui/words.ts';
import { CollectResult } from './collect-result.tsx';
import { FailureNotice } from './failure-notice.tsx';
import { failedServices } from './next-steps.ts';
import css from './operation.module.css';
import { OperationRun } from './operation-run.tsx';
import { Targets } from './targets.tsx';

const route = getRouteApi('/operations/$id');

/** Its own events; a deployment to many servers has more, and the page of events has them all. */
const events_shown_max = 200;

/** The live connection tells of progress; this is for what it does not tell. */
const running_every_ms = 5_000;

export function OperationPage() {
  const { id } = route.useParams();
  const ended = useEnded(id);
  const query = useRead('operations.get', { id }, ended ? {} : { every_ms: running_every_ms });
  const found = query.data?.operation;
  return (
    <Page
      title={found ? visible(found.plan.summary, 200) : texts.title}
      trail={<Trail stack={found?.stack ?? null} />}
      aside={found && <StatusMark {...operationStatus(found.state)} form="chip" />}
      lead={found && <Lead operation={found} />}
      actions={found && <VerdictButtons operation={found} />}
    >
      <Fetched query={query} skeleton={<Rows count={8} />}>
        {({ operation }) => <Operation operation={operation} />}
      </Fetched>
    </Page>
  );
}

/** Whether the operation is known to have ended: then nothing of it changes any more. */
function useEnded(id: string): boolean {
  const known = useRead('operations.get', { id }).data?.operation.state;
  return known !== undefined && terminalStates.includes(known);
}

function Trail({ stack }: { stack: string | null }) {
  return (
    <>
      <Link to="/operations">{texts.all}</Link>
      {stack !== null && (
        <>
          <span aria-hidden="true">·</span>
          <Link to="/stacks/$stack" params={{ stack }}>
            {stack}
          </Link>
        </>
      )}
    </>
  );
}

function Lead({ operation: { actor, created_at, finished_at } }: { operation: OperationView }) {
  return (
    <>
      {texts.by} <Foreign text={actor.name} /> ({texts.proofs[actor.proof]}) · <Time at={created_at} />
      {finished_at !== null &&
        finished_at - created_at >= 1_000 &&
        ` · ${texts.took(duration(finished_at - created_at))}`}
    </>
  );
}

function Operation({ operation }: { operation: OperationView }) {
  const events = useRead('events.list', { operation_id: operation.id ?? '', limit: events_shown_max });
  const happened = events.data?.events ?? [];
  const isBad = operation.state === 'failed' || operation.state === 'denied';
  return (
    <>
      {isBad && <FailureNotice operation={operation} failed={failedServices(happened)} />}
      {!isBad && operation.message !== null && <p>{visible(operation.message)}</p>}
      {(operation.requirement !== null || operation.approvals.length > 0) && (
        <Section title={operation.state === 'waiting' ? texts.decision.waits : texts.decision.title}>
          <div className={css.decision}>
            <RequirementList operation={operation} />
            <SaidList approvals={operation.approvals} />
          </div>
        </Section>
      )}
      <CollectResult operation={operation} />
      {operation.targets.length > 0 && <Targets operation={operation} />}
      <Section title={texts.plan.title} aside={<PlanHash hash={operation.plan.hash} />}>
        <PlanDiff plan={operation.plan} />
      </Section>
      {operation.run_id !== null && <OperationRun id={operation.run_id} />}
      <Section
        title={texts.events.title}
        flush
        aside={
          events.data?.more && (
            <Link to="/events" search={{ operation: operation.id ?? undefined }} className={css.small}>
              {texts.events.more}
            </Link>
          )
        }
      >
        <Fetched query={events} skeleton={<Rows count={5} height={37} />}>
          {({ events }) =>
            events.length === 0 ? (
              <EmptyState title={texts.events.none} />
            ) : (
              <EventList
                events={events}
                label={texts.events.title}
                time="clock"
                {...(operation.stack ? { without: 'stack' as const } : {})}
              />
            )
          }
        </Fetched>
      </Section>
      <Facts operation={operation} />
    </>
  );
}

function PlanHash({ hash }: { hash: string }) {
  return (
    <span className={css.hash} title={texts.plan.hashHint}>
      {texts.plan.hash} <code>{hash.slice(0, 12)}</code>
      <CopyButton text={hash} />
    </span>
  );
}

function Facts({ operation: { id, operation, stack, version } }: { operation: OperationView }) {
  return (
    <Section title={texts.facts.title}>
      <dl className={facts.facts}>
        <div>
          <dt>{texts.facts.what}</dt>
          <dd>
            <code>{operation}</code>
          </dd>
        </div>
        {stack !== null && version !== null && (
          <div>
            <dt>{texts.facts.version}</dt>
            <dd>
              <Link to="/stacks/$stack" params={{ stack }} search={{ tab: 'releases', version }}>
                {texts.facts.versionOf(version)}
              </Link>
            </dd>
          </div>
        )}
        {id !== null && (
          <div>
            <dt>{texts.facts.id}</dt>
            <dd>
              <code>{id}</code> <CopyButton text={id} />
            </dd>
          </div>
        )}
      </dl>
    </Section>
  );
}
