/** What an operation waits for, as people read it, and the command that moves it on. */
import type { Approval, OperationView } from '@mainstay/contract/operation';
import { missingWords } from '@mainstay/contract/waiting';
import type { Paint } from '../terminal/paint.ts';
import { safeText } from '../terminal/text.ts';
import { dateTimeText } from '../terminal/time.ts';

export function waitingLines(operation: OperationView, paint: Paint): string[] {
  const { id, plan, requirement, actor } = operation;
  const lines = [`${paint('yellow', '…')} ${safeText(plan.summary)}: waits (${id})`];
  const missing = missingWords(operation);
  if (!requirement || !missing) return lines;
  const { policy, role, proof, expires_at, not_before } = requirement;
  if (missing.approvals > 0) {
    const who = `somebody else${role === null ? '' : ` who is ${role} or above`}`;
    lines.push(`  ${approvalsText(missing.approvals)} of ${who}: mainstay ops approve ${id}`);
  }
  if (missing.confirmation) lines.push(`  the confirmation of ${safeText(actor.name)}: mainstay ops confirm ${id}`);
  const asksPeople = missing.approvals > 0 || missing.confirmation;
  if (asksPeople && proof === 'signed') lines.push("  signed by a key of one's own (mainstay keys register)");
  if (not_before !== null) lines.push(`  its maintenance window, which opens ${dateTimeText(not_before)}`);
  lines.push(paint('dim', `  policy ${safeText(policy)} · until ${dateTimeText(expires_at)}`));
  return lines;
}

/** The same in a few words, for a table; empty when it does not wait. */
export function waitingText(operation: OperationView): string {
  const missing = missingWords(operation);
  if (!missing) return '';
  const parts = [
    ...(missing.confirmation ? [`confirmation of ${operation.actor.name}`] : []),
    ...(missing.approvals > 0 ? [approvalsText(missing.approvals)] : []),
  ];
  const opens = operation.requirement?.not_before ?? null;
  if (opens !== null) parts.push(`window, ${dateTimeText(opens)}`);
  return parts.join(', ');
}

const verdictTexts = { approve: 'approved', reject: 'rejected', confirm: 'confirmed' } as const;

/** Who said what. */
export function approvalText({ actor, verdict, reason, at }: Approval): string {
  const how = actor.proof === 'signed' ? ', signed' : '';
  return `${actor.name} ${verdictTexts[verdict]} ${dateTimeText(at)}${how}${reason === null ? '' : `: ${reason}`}`;
}

function approvalsText(count: number): string {
  return count === 1 ? '1 approval' : `${count} approvals`;
}
