/** What an operation waits for, in words: each thing with whether it is there, who said what, and until when it can be decided. */
import type { OperationView } from '@mainstay/contract/operation';
import { waiting as texts } from '../../texts/waiting.ts';
import { useNow } from '../clock.ts';
import { Foreign } from '../foreign.tsx';
import { StatusMark } from '../status-mark.tsx';
import { absoluteTime } from '../time.tsx';
import { duration } from '../words.ts';
import { useMe } from './use-me.ts';
import css from './waiting.module.css';
import { approvedBy, isConfirmed } from './waits.ts';

export function RequirementList({ operation }: { operation: OperationView }) {
  const { requirement, actor, state } = operation;
  const me = useMe();
  const now = useNow(10_000);
  if (!requirement) return null;
  const { approvals, confirmation, role, proof, not_before, expires_at, policy } = requirement;
  const approvers = approvedBy(operation);
  const isOwn = me?.actor.id === actor.id;
  const by = proof === null || proof === 'none' ? null : texts.proofs[proof];
  return (
    <div className={css.requirement}>
      <ul className={css.asked}>
        {confirmation && (
          <Asked isDone={isConfirmed(operation)}>
            {isOwn ? texts.confirmsYou : <Foreign text={texts.confirms(actor.name)} />}
            {by && <span className={css.quiet}>, {isOwn && proof === 'signed' ? texts.signedByYou : by}</span>}
          </Asked>
        )}
        {approvals > 0 && (
          <Asked isDone={approvers.length >= approvals}>
            <Foreign text={texts.people(approvals, actor.name)} />
            {(role || by) && (
              <span className={css.quiet}>
                {role && `, ${approvals === 1 ? texts.roleOne(role) : texts.role(role)}`}
                {by && `, ${by}`}
              </span>
            )}
            {approvals > 1 && <span className={css.count}>{texts.soFar(approvers.length, approvals)}</span>}
          </Asked>
        )}
        {not_before !== null && (
          <Asked isDone={not_before <= now}>
            {not_before <= now ? texts.windowOpen : `${texts.window}: ${absoluteTime(not_before)}`}
          </Asked>
        )}
      </ul>
      <p className={css.quiet}>
        {texts.asked} <code>{policy}</code>
        {state === 'waiting' && (
          <>
            {' · '}
            <time dateTime={new Date(expires_at).toISOString()} title={absoluteTime(expires_at)}>
              {texts.expires(duration(expires_at - now))}
            </time>
          </>
        )}
      </p>
    </div>
  );
}

function Asked({ isDone, children }: { isDone: boolean; children: React.ReactNode }) {
  return (
    <li>
      <StatusMark tone={isDone ? 'good' : 'idle'} word={isDone ? texts.done : texts.open} form="icon" />
      <span>{children}</span>
    </li>
  );
}
