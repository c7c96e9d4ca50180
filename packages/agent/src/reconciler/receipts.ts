/** Receipts: what became of one desired state, for each of its services; kept, and given again on a replay. */
import type { Receipt } from '@mainstay/contract/agent-api';
import type { StoredState } from '../state/desired-states.ts';
import { type Context, DeployFailure, Superseded } from './context.ts';
import type { Parts } from './parts.ts';
import type { Change } from './plan.ts';
import type { Rollout } from './rollout.ts';

type Outcome = Receipt['services'][string];

export function runningReceipt({ version, sha256, operation_id, accepted_at }: StoredState): Receipt {
  return {
    version,
    sha256,
    operation_id,
    state: 'running',
    message: null,
    hint: null,
    services: {},
    started_at: accepted_at,
    finished_at: null,
  };
}

/** The receipt of a rollout that ended; `error` is null when it succeeded. */
export function receiptOf({ clock }: Pick<Context, 'clock'>, { target, changes }: Rollout, error: unknown): Receipt {
  const failure = error === null ? null : describe(error);
  const services: Receipt['services'] = {};
  for (const change of changes) services[change.service] = outcomeOf(change, failure);
  return {
    ...runningReceipt(target),
    state: failure ? 'failed' : 'succeeded',
    message: failure && (failure.service ? `Service "${failure.service}": ${failure.message}` : failure.message),
    hint: failure?.hint ?? null,
    services,
    finished_at: clock.now(),
  };
}

function outcomeOf(change: Change, failure: DeployFailure | null): Outcome {
  if (change.kind === 'keep') return { state: 'unchanged', release_id: change.to.release_id, message: null };
  const release_id = change.kind === 'switch' ? change.to.release_id : change.from.release_id;
  if (!failure) return { state: change.kind === 'switch' ? 'switched' : 'removed', release_id, message: null };
  if (failure.service === change.service) return { state: 'failed', release_id, message: failure.message };
  return {
    state: 'waiting',
    release_id,
    message: 'Left as it was, because the deployment did not succeed as a whole.',
  };
}

/** Any error of a rollout in the words of a receipt. */
export function describe(error: unknown): DeployFailure {
  if (error instanceof DeployFailure) return error;
  const { message } = error as Error;
  if (error instanceof Superseded) return new DeployFailure(null, 'done', message);
  return new DeployFailure(null, 'switch', `The agent could not go on: ${message}`, 'See the log of the agent.');
}

/** Ends a rollout: stores its receipt where that was not part of the commit, and tells what happened. */
export function settle({ context, progress }: Parts, rollout: Rollout, error: unknown): Receipt {
  const { target, changes } = rollout;
  const { operation_id, version } = target;
  progress.clear();
  // The agent ends: the receipt stays open, and the rollout is begun again by the next agent.
  if (error instanceof Superseded && error.by_version === null) return runningReceipt(target);
  const receipt = receiptOf(context, rollout, error);
  if (error === null) {
    for (const change of changes) {
      if (change.kind !== 'switch') continue;
      const { release_id, source } = change.to;
      const message = `Release ${release_id} (commit ${source.commit.slice(0, 12)}) serves.`;
      context.emit({
        kind: 'release.switched',
        severity: 'notice',
        message,
        service: change.service,
        release_id,
        operation_id,
      });
    }
    context.emit({
      kind: 'deployment.succeeded',
      severity: 'notice',
      message: `Version ${version} serves.`,
      operation_id,
    });
  } else {
    const failure = describe(error);
    noteFailure(context, rollout, failure, receipt);
    const message = `Version ${version} was not deployed. ${receipt.message}`;
    context.emit({ kind: 'deployment.failed', severity: 'error', message, service: failure.service, operation_id });
  }
  context.changed();
  return receipt;
}

function noteFailure(context: Context, { target, changes }: Rollout, failure: DeployFailure, receipt: Receipt): void {
  const { state, clock } = context;
  const { service, stage, message, hint } = failure;
  const change = changes.find((candidate) => candidate.service === service);
  state.write(() => {
    state.desired.saveReceipt(target.stack_id, receipt);
    if (service === null || change?.kind !== 'switch') return;
    const { release_id, source } = change.to;
    state.services.setFailure(service, { release_id, commit: source.commit, stage, message, hint, at: clock.now() });
  });
  if (service === null || change?.kind !== 'switch' || (stage !== 'start' && stage !== 'health')) return;
  const { release_id } = change.to;
  context.emit({
    kind: 'candidate.failed',
    severity: 'error',
    message,
    service,
    release_id,
    operation_id: target.operation_id,
    data: { stage, last_lines: [...failure.last_lines] },
  });
}
