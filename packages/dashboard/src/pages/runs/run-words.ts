/** How runs and steps stand, as shapes and words; and what can be done about a run. */
import type { RunView, StepView } from '@mainstay/contract/operations/runs';
import { runs as texts } from '../../texts/runs.ts';
import { visible } from '../../ui/foreign.tsx';
import { duration, type Status, type Tone } from '../../ui/words.ts';

const runTones: Record<RunView['state'], Tone> = {
  running: 'busy',
  paused: 'warning',
  compensating: 'busy',
  stuck: 'bad',
  succeeded: 'good',
  failed: 'bad',
  compensated: 'bad',
  cancelled: 'idle',
};

export function runStatus(state: RunView['state']): Status {
  return { tone: runTones[state], word: texts.states[state] };
}

/** What a run is called: what it carries out, or what its labels say, or its workflow. */
export function runTitle({ labels, workflow, version }: RunView, summary: string | undefined): string {
  return visible(summary ?? (Object.values(labels).join(' · ') || texts.workflow(workflow, version)), 200);
}

const stepTones: Record<StepView['state'], Tone> = {
  waiting: 'idle',
  held: 'warning',
  ready: 'busy',
  running: 'busy',
  parked: 'busy',
  retrying: 'warning',
  expanded: 'busy',
  succeeded: 'good',
  failed: 'bad',
  cancelled: 'idle',
  skipped: 'idle',
  undoing: 'busy',
  undone: 'idle',
  undo_failed: 'bad',
};

export function stepStatus(state: StepView['state']): Status {
  return { tone: stepTones[state], word: texts.steps[state] };
}

export const runActs = ['retry', 'resume', 'pause', 'cancel'] as const;
export type RunAct = (typeof runActs)[number];

const possible: Record<RunView['state'], readonly RunAct[]> = {
  running: ['pause', 'cancel'],
  paused: ['resume', 'cancel'],
  compensating: [],
  stuck: ['retry', 'cancel'],
  succeeded: [],
  failed: ['retry'],
  compensated: [],
  cancelled: [],
};

/** What makes sense for a run as it stands; the control plane decides all the same. */
export function actsFor({ state }: Pick<RunView, 'state'>): readonly RunAct[] {
  return possible[state];
}

/**
 * How long a step took, or has taken so far, from when all that it needs had ended: attempts, waiting and being tried again are in it.
 * Null before it began.
 * @param needed The steps that it needs.
 */
export function stepDuration(step: StepView, needed: readonly StepView[], now: number): string | null {
  if (step.started_at === null) return null;
  const before = needed.flatMap(({ finished_at }) => finished_at ?? []);
  const began = step.attempt > 1 && before.length > 0 ? Math.max(...before) : step.started_at;
  const milliseconds = Math.max(0, (step.finished_at ?? now) - Math.min(began, step.started_at));
  return lasted(milliseconds);
}

/** A duration that may be short: `70 ms`, `8 s`. */
export function lasted(milliseconds: number): string {
  return milliseconds < 1_000 ? `${milliseconds} ms` : duration(milliseconds);
}

/** The steps that each step needs, by its key. */
export function neededBy(nodes: readonly StepView[], edges: readonly { from: string; to: string }[]) {
  const byKey = new Map(nodes.map((step) => [step.key, step]));
  const needed = new Map<string, StepView[]>();
  for (const { from, to } of edges) {
    const step = byKey.get(from);
    if (step) needed.set(to, [...(needed.get(to) ?? []), step]);
  }
  return needed;
}

export const endedStates: readonly RunView['state'][] = ['succeeded', 'failed', 'compensated', 'cancelled'];
