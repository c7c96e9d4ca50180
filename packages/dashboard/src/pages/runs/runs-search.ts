/** Search parameters of the pages of runs: they are their state, so that every view can be linked. */
import { oneOf, type RawSearch, textOf } from '../../search.ts';

/** States as people look for them. */
export const runStateGroups = {
  open: ['running', 'paused', 'compensating', 'stuck'],
  stuck: ['stuck', 'paused'],
  succeeded: ['succeeded'],
  failed: ['failed', 'compensated'],
  cancelled: ['cancelled'],
} as const;
export type RunStateGroup = keyof typeof runStateGroups;

export type RunsSearch = { state?: RunStateGroup | undefined; workflow?: string | undefined };

export function runsSearch(raw: RawSearch): RunsSearch {
  return {
    state: oneOf(raw['state'], Object.keys(runStateGroups) as RunStateGroup[]),
    workflow: textOf(raw['workflow'], 64),
  };
}

export type RunSearch = {
  view?: 'list' | undefined;
  /** Key of the step that is looked at. */
  step?: string | undefined;
};

export function runSearch(raw: RawSearch): RunSearch {
  return { view: oneOf(raw['view'], ['list'] as const), step: textOf(raw['step'], 260) };
}
