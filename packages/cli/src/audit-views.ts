/** How the audit trail looks to people: a line an entry, and what a verification found. */
import type { AuditProblem } from '@mainstay/contract/audit-verify';
import type { AuditEntryView } from '@mainstay/contract/operations/audit';
import { type Cell, tableLines } from './terminal/table.ts';
import { safeText } from './terminal/text.ts';
import { dateTimeText } from './terminal/time.ts';
import type { ViewOptions } from './views.ts';

const columns = [
  { title: '#', align: 'right' as const },
  { title: 'WHEN' },
  { title: 'WHAT' },
  { title: 'OUTCOME' },
  { title: 'BY' },
  { title: 'TARGET', flexible: true },
  { title: 'OPERATION', flexible: true },
  { title: 'ID' },
];

export function auditLines({ entries }: { entries: AuditEntryView[] }, options: ViewOptions): string[] {
  if (entries.length === 0) return ['No audit entries.'];
  const rows = entries.map((entry): Cell[] => [
    entry.seq ?? '…',
    dateTimeText(entry.at),
    entry.kind,
    entry.outcome === null || entry.outcome === 'succeeded' ? entry.outcome : { text: entry.outcome, colour: 'red' },
    entry.actor?.name ?? '–',
    entry.target,
    entry.operation,
    entry.operation_id ?? entry.id,
  ]);
  return tableLines(columns, rows, options);
}

export type Verified = {
  ok: boolean;
  entries: number;
  first_seq: number | null;
  head: { seq: number; hash: string } | null;
  pending: number;
  anchors_checked: number;
  problems: AuditProblem[];
  more_problems: boolean;
};

export function verifiedLines(report: Verified, { paint }: Pick<ViewOptions, 'paint'>): string[] {
  const { head, first_seq, pending } = report;
  const range = head === null ? 'no entry' : `numbers ${first_seq ?? head.seq} to ${head.seq}`;
  const against = `${report.anchors_checked} anchor${report.anchors_checked === 1 ? '' : 's'}`;
  const waits = pending > 0 ? `, ${pending} not chained yet` : '';
  if (report.ok) {
    const end = head === null ? [] : [paint('dim', `  head ${head.hash}`)];
    return [`${paint('green', '✓')} The audit chain is whole: ${range}, held against ${against}${waits}.`, ...end];
  }
  return [
    `${paint('red', '✗')} The audit chain is not whole (${range}, ${against}${waits}):`,
    ...report.problems.map(({ kind, message }) => `  ${paint('red', kind.replace('_', ' '))}: ${safeText(message)}`),
    ...(report.more_problems ? ['  … and more.'] : []),
  ];
}
