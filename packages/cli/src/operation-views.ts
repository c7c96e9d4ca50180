/** How operations look to people: what they do, who asked, what they wait for, who said what, and how they ended. */
import type { OperationView } from '@mainstay/contract/operation';
import { planLines } from './change/plan-view.ts';
import { approvalText, waitingText } from './change/waiting-view.ts';
import { detailLines } from './terminal/details.ts';
import { agoText, dateTimeText } from './terminal/time.ts';
import { coloured, table, type ViewOptions } from './view-parts.ts';

export function operationLines({ operations }: { operations: OperationView[] }, options: ViewOptions): string[] {
  return table(
    [
      { title: 'ID' },
      { title: 'OPERATION' },
      { title: 'STATE' },
      { title: 'WHAT', flexible: true },
      { title: 'WAITS FOR' },
      { title: 'BY' },
      { title: 'WHEN' },
    ],
    operations.map((operation) => [
      operation.id,
      operation.operation,
      coloured(operation.state),
      operation.plan.summary,
      waitingText(operation),
      operation.actor.name,
      agoText(operation.created_at, options.now),
    ]),
    options,
    'No operations.',
  );
}

export function operationDetails({ operation }: { operation: OperationView }, options: ViewOptions): string[] {
  const { requirement, targets } = operation;
  const asked = requirement && {
    policy: requirement.policy,
    approvals: requirement.approvals === 0 ? null : requirement.approvals,
    of: requirement.role === null ? null : `${requirement.role} or above`,
    confirmation: requirement.confirmation ? `of ${operation.actor.name}` : null,
    proof: requirement.proof === 'signed' ? "signed by a key of one's own" : requirement.proof,
    window_opens: requirement.not_before === null ? null : dateTimeText(requirement.not_before),
    until: dateTimeText(requirement.expires_at),
  };
  const details = {
    state: operation.state,
    operation: operation.operation,
    id: operation.id,
    by: operation.actor.proof === 'signed' ? `${operation.actor.name}, signed` : operation.actor.name,
    proposed: dateTimeText(operation.created_at),
    ended: operation.finished_at === null ? null : dateTimeText(operation.finished_at),
    message: operation.message,
    hint: operation.hint,
    waits_for: waitingText(operation) || null,
    requirement: asked,
    words: operation.approvals.map(approvalText),
    run: operation.run_id,
    servers: Object.fromEntries(
      targets.map((target) => [target.server, [target.state, target.message].filter(Boolean).join(': ')]),
    ),
  };
  return [...planLines(operation.plan, options), '', ...detailLines(details, options)];
}
