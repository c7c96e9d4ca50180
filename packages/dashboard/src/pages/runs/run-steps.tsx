/** The steps of a run: as a graph where there is room and they are few, as a list otherwise. The same facts, and the same links. */
import type { StepView } from '@mainstay/contract/operations/runs';
import { SegmentedControl } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import type { Output } from '../../api/client.ts';
import { runs as texts } from '../../texts/runs.ts';
import { useNow } from '../../ui/clock.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { Rows, Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { absoluteTime } from '../../ui/time.tsx';
import { graph_steps_max } from './run-layout.ts';
import { neededBy, stepDuration, stepStatus } from './run-words.ts';
import css from './runs.module.css';

const RunGraph = lazy(() => import('./run-graph.tsx'));

export type RunStepsProps = {
  data: Output<'runs.get'>;
  view?: 'list' | undefined;
  chosen: string | undefined;
  /** Left out where there is no choice: within the page of an operation. */
  onView?: (view: 'list' | undefined) => void;
  /** Beside the heading, where there is no choice. */
  aside?: ReactNode;
};

export function RunSteps({ data: { run, nodes, edges, truncated }, view, chosen, onView, aside }: RunStepsProps) {
  const isPhone = useMediaQuery('(max-width: 640px)', matchMedia('(max-width: 640px)').matches);
  const isTooMany = nodes.length > graph_steps_max;
  const isList = isPhone || isTooMany || view === 'list';
  return (
    <Section
      title={texts.steps_title}
      flush
      aside={
        aside ??
        (onView && !isPhone && !isTooMany && (
          <SegmentedControl
            size="xs"
            aria-label={texts.view}
            data={[
              { value: 'graph', label: texts.asGraph },
              { value: 'list', label: texts.asList },
            ]}
            value={isList ? 'list' : 'graph'}
            onChange={(value) => onView(value === 'list' ? 'list' : undefined)}
          />
        ))
      }
    >
      {isTooMany && (
        <p className={css.note}>
          {texts.tooMany(run.steps_total)} {truncated && texts.truncated(nodes.length)}
        </p>
      )}
      {isList ? (
        <StepList run={run.id} nodes={nodes} edges={edges} chosen={chosen} />
      ) : (
        <Suspense
          fallback={
            <div className={css.skeleton}>
              <Rows count={2} height={62} />
            </div>
          }
        >
          <RunGraph run={run.id} nodes={nodes} edges={edges} chosen={chosen} />
        </Suspense>
      )}
    </Section>
  );
}

type StepListProps = {
  run: string;
  nodes: readonly StepView[];
  edges: Output<'runs.get'>['edges'];
  chosen: string | undefined;
};

function StepList({ run, nodes, edges, chosen }: StepListProps) {
  const now = useNow(1_000);
  const needed = neededBy(nodes, edges);
  return (
    <ol className={css.steps} aria-label={texts.steps_title}>
      {nodes.map((step) => {
        const needs = needed.get(step.key) ?? [];
        return (
          <li key={step.key} className={css.step} data-chosen={step.key === chosen || undefined}>
            <StatusMark {...stepStatus(step.state)} />
            <span className={css.what}>
              <Link
                to="/runs/$id"
                params={{ id: run }}
                search={(old: Record<string, unknown>) => ({
                  ...old,
                  step: step.key === chosen ? undefined : step.key,
                })}
                resetScroll={false}
                aria-current={step.key === chosen || undefined}
              >
                {visible(step.key, 260)}
              </Link>
              <span className={css.quiet}>{factsOf(step, needs).join(' · ')}</span>
              {step.error && <Foreign text={step.error.message} className={css.error} />}
            </span>
            <span className={css.when}>{stepDuration(step, needs, now)}</span>
          </li>
        );
      })}
    </ol>
  );
}

function factsOf(step: StepView, needs: readonly StepView[]): string[] {
  const { failures, items, waits_for, available_at, state } = step;
  const facts = [
    needs.length > 0 && needs.length <= 5 && texts.needs(needs.map(({ key }) => key).join(', ')),
    items !== null && texts.items(items),
    failures > 0 && texts.failures(failures),
    state === 'parked' && waits_for !== null && texts.waitsFor(waits_for),
    state === 'retrying' && available_at !== null && `${texts.retryAt} ${absoluteTime(available_at)}`,
  ];
  return facts.filter((fact) => typeof fact === 'string');
}
