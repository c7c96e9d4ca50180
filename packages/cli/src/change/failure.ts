/** Why a change did not succeed, with the last words of what failed: all that a person needs to mend it. */
import type { OperationState, OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Connection } from '../connection.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { safeLines, safeLogLine, safeText } from '../terminal/text.ts';

const lines_shown = 20;
const candidates_shown = 3;

const words: Partial<Record<OperationState, string>> = {
  denied: 'Denied',
  cancelled: 'Cancelled',
  rejected: 'Rejected',
  expired: 'Expired',
  compensated: 'Undone',
};

export async function showFailure(
  operation: OperationView,
  events: readonly EventView[],
  connection: Connection,
  terminal: Terminal,
): Promise<void> {
  const { paint, write } = terminal.err;
  const word = words[operation.state] ?? 'Failed';
  write(`${paint('red', `✗ ${word}:`)} ${safeText(operation.plan.summary)}\n`);
  if (operation.message) write(`  ${safeLines(operation.message).replaceAll('\n', '\n  ')}\n`);
  if (operation.hint) write(`  ${paint('dim', 'Hint:')} ${safeLines(operation.hint)}\n`);
  if (operation.stack === null) return;
  for (const candidate of failedCandidates(events)) {
    const { lines } = await connection
      .call('logs.list', { stack: operation.stack, ...candidate, limit: lines_shown })
      .catch(() => ({ lines: [] }));
    const last = lines.at(-1);
    // A message that tells the last lines already is enough.
    if (last === undefined || operation.message?.includes(last.text.trim())) continue;
    write(paint('dim', `  Last lines of ${safeText(candidate.service)} on ${safeText(candidate.server)}:\n`));
    for (const line of lines) write(`  ${paint('dim', '│')} ${safeLogLine(line.text)}\n`);
  }
}

type Candidate = { service: string; server: string; release_id: string };

function failedCandidates(events: readonly EventView[]): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const { severity, service, server, release_id } of events) {
    if (severity !== 'error' || service === null || server === null || release_id === null) continue;
    found.set(`${server}/${service}`, { service, server, release_id });
  }
  return [...found.values()].slice(0, candidates_shown);
}
