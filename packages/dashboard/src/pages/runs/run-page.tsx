/** One run: how far it is, as a graph that moves; what failed, what its steps said, and what can be done about it. */
import { Alert } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { Output } from '../../api/client.ts';
import { useRead } from '../../api/queries.ts';
import { runs as texts } from '../../texts/runs.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { Fetched, Page, Rows } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { RunActs } from './run-acts.tsx';
import { RunLog } from './run-log.tsx';
import { RunSteps } from './run-steps.tsx';
import { endedStates, lasted, runStatus, runTitle } from './run-words.ts';
import css from './runs.module.css';

const route = getRouteApi('/runs/$id');

/** The live connection tells that runs changed; this is for what it does not tell. */
const running_every_ms = 3_000;

export function RunPage() {
  const { id } = route.useParams();
  const { view, step } = route.useSearch();
  const navigate = route.useNavigate();
  const known = useRead('runs.get', { id }).data?.run.state;
  const every_ms = known !== undefined && endedStates.includes(known) ? undefined : running_every_ms;
  const query = useRead('runs.get', { id }, every_ms === undefined ? {} : { every_ms });
  const run = query.data?.run;
  const operation_id = run?.operation_id ?? null;
  const operation = useRead('operations.get', { id: operation_id ?? '' }, { enabled: operation_id !== null }).data
    ?.operation;
  return (
    <Page
      title={run ? runTitle(run, operation?.plan.summary) : texts.run}
      trail={<Link to="/runs">{texts.title}</Link>}
      aside={run && <StatusMark {...runStatus(run.state)} form="chip" />}
      lead={run && <Lead run={run} />}
      actions={run && <RunActs run={run} />}
    >
      <Fetched query={query} skeleton={<Rows count={8} />}>
        {(data) => (
          <>
            {data.run.error && (
              <Alert
                color="red"
                variant="light"
                icon={<IconAlertTriangle />}
                title={data.run.state === 'stuck' ? texts.stuckTitle : texts.failedTitle}
              >
                <Foreign text={data.run.error.message} chars_max={4_000} className={css.message} />
              </Alert>
            )}
            <RunSteps
              data={data}
              view={view}
              chosen={step}
              onView={(view) =>
                void navigate({ search: (old) => ({ ...old, view }), replace: true, resetScroll: false })
              }
            />
            <RunLog run={id} step={step} every_ms={every_ms} />
          </>
        )}
      </Fetched>
    </Page>
  );
}

function Lead({ run }: { run: Output<'runs.get'>['run'] }) {
  const { workflow, version, steps_total, steps_left, operation_id, actor, created_at, finished_at } = run;
  return (
    <>
      {texts.workflow(workflow, version)} · {texts.progress(steps_total - steps_left, steps_total)}
      {actor && <> · {visible(actor.name, 64)}</>} · <Time at={created_at} />
      {finished_at !== null && ` · ${texts.took(lasted(finished_at - created_at))}`}
      {operation_id !== null && (
        <>
          {' · '}
          <Link to="/operations/$id" params={{ id: operation_id }}>
            {texts.operation}
          </Link>
        </>
      )}
    </>
  );
}
