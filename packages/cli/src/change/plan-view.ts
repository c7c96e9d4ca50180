/** A plan as people read it: one line per change, from what to what. */
import type { Plan, PlanChange, PlannedRollout } from '@mainstay/contract/operation';
import type { Colour, Paint } from '../terminal/paint.ts';
import { displayWidth, safeText, truncate } from '../terminal/text.ts';

const marks = {
  create: ['+', 'green'],
  update: ['~', 'yellow'],
  delete: ['-', 'red'],
  run: ['↻', 'cyan'],
} as const satisfies Record<PlanChange['action'], readonly [string, Colour]>;

export type PlanViewOptions = {
  paint: Paint;
  /** Columns of the terminal; null where nothing is to be cut. */
  width: number | null;
};

/** The lines of a plan: its summary, its changes, its warnings, its hash. */
export function planLines(plan: Plan, options: PlanViewOptions): string[] {
  const { paint } = options;
  const lines = [paint('bold', safeText(plan.summary))];
  if (plan.changes.length === 0) lines.push('  Nothing to change.');
  const longest = Math.max(0, ...plan.changes.map((change) => displayWidth(safeText(change.path))));
  const column = Math.min(longest, 40);
  for (const change of plan.changes) lines.push(changeLine(change, column, options));
  if (plan.rollout) lines.push(`  ${paint('cyan', '≋')} ${rolloutText(plan.rollout)}`);
  for (const warning of plan.warnings) lines.push(`  ${paint('yellow', '!')} ${safeText(warning)}`);
  if (plan.changes.length > 0) lines.push(paint('dim', `  ${countText(plan.changes)} · plan hash ${plan.hash}`));
  return lines;
}

/** Waves that are named; of more of them only how many there are. */
const waves_named_max = 4;

/** In which waves it goes out: `in 3 waves: eu-1, then eu-2 eu-3, then 4 servers; stops when 1 fails`. */
function rolloutText({ waves, pause_seconds, max_failed }: PlannedRollout): string {
  const named = waves.slice(0, waves_named_max).map(({ count, servers }) => {
    return count > servers.length ? `${count} servers` : safeText(servers.join(' '));
  });
  if (waves.length > named.length) named.push(`${waves.length - named.length} more`);
  const pause = pause_seconds > 0 ? `; ${pause_seconds} s between them` : '';
  const count = waves.length === 1 ? 'one wave' : `${waves.length} waves`;
  return `Goes out in ${count}: ${named.join(', then ')}${pause}; stops when ${max_failed + 1} ${max_failed === 0 ? 'fails' : 'fail'}.`;
}

function changeLine(change: PlanChange, column: number, { paint, width }: PlanViewOptions): string {
  const [mark, colour] = marks[change.action];
  const path = safeText(change.path);
  const gap = ' '.repeat(Math.max(2, column - displayWidth(path) + 2));
  const detail = detailOf(change);
  if (detail === '') return `  ${paint(colour, `${mark} ${path}`)}`;
  const room = width === null ? Number.POSITIVE_INFINITY : Math.max(20, width - 4 - displayWidth(path) - gap.length);
  return `  ${paint(colour, `${mark} ${path}`)}${gap}${truncate(detail, room)}`;
}

function detailOf(change: PlanChange): string {
  const values: string[] = [];
  if (change.from !== undefined && change.action !== 'create') values.push(valueText(change.path, change.from));
  if (change.to !== undefined && change.action !== 'delete') values.push(valueText(change.path, change.to));
  const note = change.note === undefined ? '' : `(${safeText(change.note)})`;
  return [values.join(' → '), note].filter((part) => part !== '').join(' ');
}

function valueText(path: string, value: NonNullable<PlanChange['from']> | null): string {
  if (typeof value === 'string') {
    if (path.endsWith('commit') && /^[0-9a-f]{40,64}$/.test(value)) return value.slice(0, 12);
    return /^[\w./:@$-]+$/.test(value) ? value : safeText(JSON.stringify(value));
  }
  if (Array.isArray(value) || value === null || typeof value !== 'object') return safeText(JSON.stringify(value));
  return Object.entries(value)
    .map(([name, inner]) => `${safeText(name)}: ${valueText(name, inner as NonNullable<PlanChange['from']>)}`)
    .join(', ');
}

function countText(changes: readonly PlanChange[]): string {
  const words = { create: 'to add', update: 'to change', delete: 'to remove', run: 'to run' } as const;
  return (Object.keys(words) as (keyof typeof words)[])
    .map((action) => [changes.filter((change) => change.action === action).length, words[action]] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(', ');
}
