/** Search parameters of this page: they are its state, so that every view can be linked. */
import type { OperationState } from '@mainstay/contract/operation';
import { oneOf, type RawSearch, textOf } from '../../search.ts';

/** States as people look for them. */
export const stateGroups = {
  open: ['proposed', 'waiting', 'approved', 'running'],
  waiting: ['waiting'],
  running: ['proposed', 'approved', 'running'],
  succeeded: ['succeeded'],
  failed: ['failed', 'compensated'],
  refused: ['denied', 'rejected', 'expired', 'cancelled'],
} as const satisfies Record<string, readonly OperationState[]>;
export type StateGroup = keyof typeof stateGroups;

/** Beginnings of operations' ids, as people look for them. */
export const operationNouns = ['stacks', 'servers', 'secrets', 'credentials', 'access', 'keeper'] as const;
export type OperationNoun = (typeof operationNouns)[number];

export type OperationsSearch = {
  state?: StateGroup | undefined;
  about?: OperationNoun | undefined;
  stack?: string | undefined;
};

export function operationsSearch(raw: RawSearch): OperationsSearch {
  return {
    state: oneOf(raw['state'], Object.keys(stateGroups) as StateGroup[]),
    about: oneOf(raw['about'], operationNouns),
    stack: textOf(raw['stack'], 64),
  };
}
