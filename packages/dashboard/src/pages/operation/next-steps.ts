/** What a person can do about an operation that failed: which services did not come up, and where their output is. */
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';

export type FailedService = {
  service: string;
  server: string | null;
  release_id: string | null;
  /** It did not even start: its build says why. */
  inBuild: boolean;
};

/**
 * The services that failed in an operation, each once, by what its events say.
 * @param events Oldest first.
 */
export function failedServices(events: readonly EventView[]): FailedService[] {
  const failed = new Map<string, FailedService>();
  for (const { kind, service, server, release_id } of events) {
    if (service === null || (kind !== 'build.failed' && kind !== 'candidate.failed')) continue;
    const before = failed.get(service);
    failed.set(service, { service, server, release_id, inBuild: kind === 'build.failed' || before?.inBuild === true });
  }
  return [...failed.values()];
}

/** Whether going back makes sense: what failed was a version of a stack, and not the first one. */
export function canRollBack({ state, stack, version, operation }: OperationView): boolean {
  return state === 'failed' && stack !== null && (version ?? 0) > 1 && operation !== 'stacks.remove';
}

export type Progress = { done: number; failed: number; count: number };

export function progressOf({ targets }: Pick<OperationView, 'targets'>): Progress {
  const done = targets.filter(({ state }) => state === 'succeeded').length;
  const failed = targets.filter(({ state }) => state === 'failed').length;
  return { done, failed, count: targets.length };
}

const urgency = { failed: 0, running: 1, waiting: 2, succeeded: 3 } as const;

/** Targets as one looks for them: what failed first, what is done last. */
export function byUrgency(targets: OperationView['targets']): OperationView['targets'] {
  return targets.toSorted((a, b) => urgency[a.state] - urgency[b.state] || a.server.localeCompare(b.server));
}
