/** How runs look to people: their steps as a tree by what they need, each with its state and its times. */
import type { OutputOf } from '@mainstay/contract/operation';
import type { OperationById } from '@mainstay/contract/operations/index';
import type { RunEventView, RunView, StepView } from '@mainstay/contract/operations/runs';
import { detailLines } from './terminal/details.ts';
import { safeText } from './terminal/text.ts';
import { agoText, clockText, dateTimeText, durationText } from './terminal/time.ts';
import { coloured, table, type ViewOptions } from './view-parts.ts';

export function runLines({ runs }: { runs: RunView[] }, options: ViewOptions): string[] {
  return table(
    [
      { title: 'ID' },
      { title: 'WORKFLOW' },
      { title: 'STATE' },
      { title: 'STEPS', align: 'right' },
      { title: 'TOOK', align: 'right' },
      { title: 'BY' },
      { title: 'STARTED' },
      { title: 'ERROR', flexible: true },
    ],
    runs.map((run) => [
      run.id,
      run.workflow,
      coloured(run.state),
      `${run.steps_total - run.steps_left}/${run.steps_total}`,
      tookText(run.created_at, run.finished_at, options.now),
      run.actor?.name ?? '–',
      agoText(run.created_at, options.now),
      run.error?.message ?? '',
    ]),
    options,
    'No runs.',
  );
}

type Shown = OutputOf<OperationById['runs.get']>;

export function runDetails({ run, nodes, edges, truncated }: Shown, options: ViewOptions): string[] {
  const details = {
    id: run.id,
    operation: run.operation_id,
    by: run.actor?.name,
    started: dateTimeText(run.created_at),
    ended: run.finished_at === null ? null : dateTimeText(run.finished_at),
    error: run.error?.message,
    hint: run.error?.hint,
  };
  const done = `${run.steps_total - run.steps_left} of ${run.steps_total} steps`;
  const took = tookText(run.created_at, run.finished_at, options.now);
  return [
    `${options.paint('bold', safeText(run.workflow))}  ${run.state}, ${done}, ${took}`,
    ...stepLines(nodes, edges, options),
    ...(truncated ? ['  … and more steps (--limit)'] : []),
    '',
    ...detailLines(details, options),
  ];
}

/**
 * Every step once, below the last of those that it needs; what else it needs is named beside it. A graph has no order of its own, so
 * that steps of one parent stand in the order in which they came.
 */
export function stepLines(nodes: readonly StepView[], edges: Shown['edges'], options: ViewOptions): string[] {
  const known = new Set(nodes.map((node) => node.key));
  const needs = new Map<string, string[]>();
  for (const { from, to } of edges) if (known.has(from) && known.has(to)) add(needs, to, from);
  const below = new Map<string | null, StepView[]>();
  for (const node of nodes) {
    const parent = node.parent !== null && known.has(node.parent) ? node.parent : (needs.get(node.key)?.at(-1) ?? null);
    add(below, parent, node);
  }
  const lines: string[] = [];
  // A chain of thousands of steps must not be a stack of calls as deep.
  const open: { node: StepView; depth: number }[] = [...(below.get(null) ?? [])]
    .reverse()
    .map((node) => ({ node, depth: 0 }));
  const chains = (key: string | null) => (below.get(key) ?? []).length === 1;
  for (let next = open.pop(); next; next = open.pop()) {
    const { node, depth } = next;
    const others = (needs.get(node.key) ?? []).slice(0, -1).filter((key) => key !== node.parent);
    lines.push(stepLine(node, depth, others, options));
    // What follows one by one stays in its column; what runs side by side stands further in.
    const step = chains(node.key) ? 0 : 1;
    for (const child of [...(below.get(node.key) ?? [])].reverse()) open.push({ node: child, depth: depth + step });
  }
  return lines;
}

function add<Key, Value>(lists: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

const marks: Partial<Record<StepView['state'], string>> = {
  succeeded: '✓',
  failed: '✗',
  undo_failed: '✗',
  running: '▶',
  undoing: '↺',
  undone: '↺',
  parked: '⏸',
  held: '⏸',
  retrying: '↻',
  skipped: '–',
  cancelled: '–',
};

export function stepLine(
  node: StepView,
  depth: number,
  others: readonly string[],
  options: Pick<ViewOptions, 'paint' | 'now'>,
): string {
  const cell = coloured(node.state);
  const colour = typeof cell === 'object' && cell !== null ? cell.colour : 'dim';
  const mark = options.paint(colour, marks[node.state] ?? '·');
  const times = node.started_at === null ? '' : `  ${tookText(node.started_at, node.finished_at, options.now)}`;
  const notes = [
    node.items === null ? '' : `${node.items} items`,
    node.failures > 0 ? `failed ${node.failures} ×` : '',
    node.waits_for === null ? '' : `waits for ${node.waits_for}`,
    node.state === 'retrying' && node.available_at !== null ? `again at ${clockText(node.available_at)}` : '',
    others.length === 0 ? '' : `also after ${others.slice(0, 5).join(', ')}${others.length > 5 ? ', …' : ''}`,
    node.error === null ? '' : (node.error.message.split('\n')[0] ?? ''),
  ].filter((note) => note !== '');
  const text = notes.length === 0 ? '' : `  ${options.paint('dim', safeText(notes.join('; ')))}`;
  return `  ${'  '.repeat(Math.min(depth, 20))}${mark} ${safeText(node.key)}  ${node.state.replaceAll('_', ' ')}${times}${text}`;
}

export function taskLines({ tasks }: OutputOf<OperationById['runs.tasks']>, options: ViewOptions): string[] {
  return table(
    [
      { title: 'RUN' },
      { title: 'WORKFLOW' },
      { title: 'STEP' },
      { title: 'STATE' },
      { title: 'FOR', align: 'right' },
      { title: 'WAITS FOR', flexible: true },
    ],
    tasks.map((task) => [
      task.run_id,
      task.workflow,
      task.key,
      coloured(task.state),
      task.started_at === null ? '' : durationText(options.now - task.started_at),
      task.waits_for ?? (task.available_at === null ? '' : dateTimeText(task.available_at)),
    ]),
    options,
    'No steps are under way.',
  );
}

export function runEventLine({ at, step, kind, message }: RunEventView, { paint }: Pick<ViewOptions, 'paint'>): string {
  const place = step === null ? '' : `${paint('cyan', safeText(step))}  `;
  const isBad = /\.(failed|stuck|undo_failed)$/.test(kind);
  const text = safeText(message.split('\n')[0] || kind);
  return `${paint('dim', clockText(at))}  ${place}${isBad ? paint('red', text) : text}`;
}

function tookText(from: number, to: number | null, now: number): string {
  const ms = Math.max(0, (to ?? now) - from);
  return ms < 10_000 ? `${(ms / 1000).toFixed(ms < 100 ? 3 : 1)} s` : durationText(ms);
}
