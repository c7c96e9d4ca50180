/** What people have said of an operation so far: who, what, why, when, and how they were proven. */
import type { OperationView } from '@mainstay/contract/operation';
import { operation } from '../../texts/operation.ts';
import { waiting as texts } from '../../texts/waiting.ts';
import { Foreign } from '../foreign.tsx';
import { StatusMark } from '../status-mark.tsx';
import { Time } from '../time.tsx';
import css from './waiting.module.css';

export function SaidList({ approvals }: Pick<OperationView, 'approvals'>) {
  if (approvals.length === 0) return null;
  return (
    <ul className={css.said} aria-label={texts.approvals}>
      {approvals.map(({ actor, verdict, reason, at }) => (
        <li key={`${actor.id} ${verdict} ${at}`}>
          <StatusMark tone={verdict === 'reject' ? 'bad' : 'good'} word={texts.said[verdict](actor.name)} />
          <span className={css.quiet}>
            {operation.proofs[actor.proof]} · <Time at={at} />
          </span>
          {reason !== null && <Foreign text={texts.withReason(reason)} className={css.reason} />}
        </li>
      ))}
    </ul>
  );
}
