/** What going back to a version would change in commits and configuration: the plan of that rollback, and nothing is changed. */
import type { AppError } from '@mainstay/contract/app-error';
import { useQuery } from '@tanstack/react-query';
import { call, type Output } from '../../../api/client.ts';
import { releases as texts } from '../../../texts/stack/releases.ts';
import { ErrorNotice, Rows } from '../../../ui/page.tsx';
import { PlanDiff } from '../../../ui/plan-diff.tsx';
import css from './releases.module.css';

export type VersionDifferenceProps = {
  stack: string;
  version: number;
  /** The version that is wanted now: the plan is made anew when it changes. */
  against: number | null;
  refusal: string | null;
};

export function VersionDifference({ stack, version, against, refusal }: VersionDifferenceProps) {
  const plan = useQuery<Output<'stacks.rollback'>, AppError>({
    queryKey: ['plan', 'stacks.rollback', stack, version, against],
    queryFn: ({ signal }) => call('stacks.rollback', { stack, version, dry_run: true }, { signal }),
    enabled: refusal === null,
  });
  return (
    <section className={css.difference} aria-label={texts.differenceTitle}>
      {refusal !== null && <p className="quiet">{refusal}</p>}
      {refusal === null && plan.isPending && <Rows count={2} />}
      {plan.error && <ErrorNotice error={plan.error} retry={() => void plan.refetch()} />}
      {plan.data && (
        <>
          <h3>{texts.differenceTitle}</h3>
          <PlanDiff plan={plan.data.operation.plan} />
        </>
      )}
    </section>
  );
}
