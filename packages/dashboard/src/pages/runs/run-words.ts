/** How runs and steps stand, as shapes and words; and what can be done about a run. */
import type { RunView, StepView } from '@mainstay/contract/operations/runs';
import { runs as texts } from '../../texts/runs.ts';
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

/** How long a step took, or has taken so far; null before it began. */
export function stepDuration({ started_at, finished_at }: StepView, now: number): string | null {
  if (started_at === null) return null;
  const milliseconds = Math.max(0, (finished_at ?? now) - started_at);
  return milliseconds < 1_000 ? `${milliseconds} ms` : duration(milliseconds);
}

export const endedStates: readonly RunView['state'][] = ['succeeded', 'failed', 'compensated', 'cancelled'];
