/** What an operation waits for, as people read it, and the command that moves it on. */
import type { OperationView } from '@mainstay/contract/operation';
import type { Paint } from '../terminal/paint.ts';
import { safeText } from '../terminal/text.ts';
import { dateTimeText } from '../terminal/time.ts';

export function waitingLines({ id, plan, requirement, approvals }: OperationView, paint: Paint): string[] {
  const lines = [`${paint('yellow', '…')} ${safeText(plan.summary)}: waits (${id})`];
  if (!requirement) return lines;
  const given = approvals.filter(({ verdict }) => verdict === 'approve').length;
  const { policy, role, proof, expires_at, not_before } = requirement;
  const missing = requirement.approvals - given;
  if (missing > 0) {
    const who = role === null ? 'somebody else' : `somebody else who is ${role} or above`;
    lines.push(`  ${missing} ${missing === 1 ? 'approval' : 'approvals'} of ${who}: mainstay ops approve ${id}`);
  }
  if (requirement.confirmation && !approvals.some(({ verdict }) => verdict === 'confirm')) {
    lines.push(`  your confirmation: mainstay ops confirm ${id}`);
  }
  if (proof === 'signed') lines.push("  signed by a key of one's own (mainstay keys register)");
  if (not_before !== null) lines.push(`  its maintenance window opens ${dateTimeText(not_before)}`);
  lines.push(paint('dim', `  policy ${safeText(policy)} · until ${dateTimeText(expires_at)}`));
  return lines;
}
