/** What goes on only when this person speaks: each with its plan and all that is asked for, so that it can be decided here. */
import type { OperationView } from '@mainstay/contract/operation';
import { Link } from '@tanstack/react-router';
import { operations as texts } from '../../texts/operations.ts';
import { Foreign, visible } from '../../ui/foreign.tsx';
import { Rows, Section } from '../../ui/page.tsx';
import { PlanDiff } from '../../ui/plan-diff.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import { RequirementList } from '../../ui/waiting/requirement-list.tsx';
import { SaidList } from '../../ui/waiting/said-list.tsx';
import { useWaitingForMe } from '../../ui/waiting/use-me.ts';
import { VerdictButtons } from '../../ui/waiting/verdict-buttons.tsx';
import { operationStatus } from '../../ui/words.ts';
import css from './operations.module.css';

export function WaitingForMe() {
  const waiting = useWaitingForMe();
  return (
    <Section title={texts.mine} flush>
      {waiting === undefined ? (
        <div className={css.skeleton}>
          <Rows count={1} />
        </div>
      ) : waiting.length === 0 ? (
        <p className={css.calm}>
          <StatusMark tone="good" word={texts.mineNone} />
        </p>
      ) : (
        <ul className={css.cards}>
          {waiting.map((operation) => (
            <Waiting key={operation.id} operation={operation} />
          ))}
        </ul>
      )}
    </Section>
  );
}

function Waiting({ operation }: { operation: OperationView }) {
  const { id, plan, actor, created_at, approvals } = operation;
  return (
    <li className={css.card}>
      <div className={css.cardHead}>
        <h3>
          <StatusMark {...operationStatus('waiting')} form="icon" />{' '}
          <Link to="/operations/$id" params={{ id: id ?? '' }}>
            {visible(plan.summary, 200)}
          </Link>
        </h3>
        <span className={css.quiet}>
          <Foreign text={texts.proposed(actor.name)} /> · <Time at={created_at} />
        </span>
      </div>
      <PlanDiff plan={plan} />
      <RequirementList operation={operation} />
      <SaidList approvals={approvals} />
      <VerdictButtons operation={operation} />
    </li>
  );
}
