/**
 * The rollout: from the applied desired state to the accepted one, all of it or nothing.
 * ```
 *  build ─▶ start candidates ─▶ switch ─▶ observe ─▶ commit ─▶ drain the old ones
 *    └────────────┴────────────────┴─────────┘
 *                 failed: undo, the old releases go on serving
 * ```
 * The commit is one write to the journal (ADR 0011). A crash before it ends, after recovery, in the old state, from which the rollout
 * is begun again; a crash behind it ends in the new one.
 */
import type { Receipt } from '@mainstay/contract/agent-api';
import type { StoredState } from '../state/desired-states.ts';
import { ensureBuild } from './builds.ts';
import { startCandidate } from './candidates.ts';
import { DeployFailure } from './context.ts';
import { replaceOnSamePort } from './fixed-port.ts';
import type { LiveInstance } from './instances.ts';
import { observeRelease } from './observation.ts';
import { inParallel } from './parallel.ts';
import type { Parts } from './parts.ts';
import { type Change, planRollout, switches, wantedServices } from './plan.ts';
import { receiptOf, settle } from './receipts.ts';
import { undo } from './undo.ts';

type Switch = Extract<Change, { kind: 'switch' }>;

/** What a rollout has done so far: what its undoing has to know. */
export type Rollout = {
  target: StoredState;
  before: StoredState | null;
  changes: Change[];
  /** New instances by service. */
  candidates: Map<string, LiveInstance>;
  /** Services whose fixed port changed hands, in that order. */
  replaced: Switch[];
  /** Old instances of services that were let go for the switch; null when none ran. */
  surrendered: Map<string, LiveInstance | null>;
  /** True from the first step that requests can notice. */
  switching: boolean;
};

/** Carries out an accepted state; gives the receipt, which is stored. Aborted only before the switch. */
export async function rollOut(parts: Parts, target: StoredState, signal: AbortSignal): Promise<Receipt> {
  const { context } = parts;
  const before = context.state.desired.applied();
  const { changes } = planRollout(before?.document ?? null, target.document);
  const rollout: Rollout = {
    target,
    before,
    changes,
    candidates: new Map(),
    replaced: [],
    surrendered: new Map(),
    switching: false,
  };
  const { operation_id, version } = target;
  context.emit({ kind: 'deployment.started', message: `Deploying version ${version}.`, operation_id });
  try {
    await propose(parts, rollout);
    await build(parts, rollout, signal);
    await start(parts, rollout, signal);
    await ensureProxy(parts);
    signal.throwIfAborted();
    rollout.switching = true;
    await replaceFixedPorts(parts, rollout);
    await switchRequests(parts, rollout);
    await observe(parts, rollout);
    commit(parts, rollout);
  } catch (error) {
    await undo(parts, rollout, error);
    return settle(parts, rollout, error);
  }
  drainOld(parts, rollout);
  return settle(parts, rollout, null);
}

async function propose({ context, environment }: Parts, { target, changes }: Rollout): Promise<void> {
  await environment.nameServices(Object.keys(wantedServices(target.document)));
  const { releases } = context.state;
  context.state.write(() => {
    for (const { service, to } of switches({ changes })) releases.propose(service, to, context.clock.now());
  });
}

async function build(parts: Parts, { target, changes }: Rollout, signal: AbortSignal): Promise<void> {
  await inParallel(switches({ changes }), parts.context.settings.builds_at_once, signal, ({ service, to }, aborted) =>
    ensureBuild(parts, service, to, target.operation_id, aborted),
  );
}

/** Starts all that can run beside the old releases: all but those that want the very port their old release has. */
async function start(parts: Parts, { target, changes, candidates }: Rollout, signal: AbortSignal): Promise<void> {
  const beside = switches({ changes }).filter((change) => !takesSamePort(change));
  await inParallel(beside, parts.context.settings.starts_at_once, signal, async ({ service, to }, aborted) => {
    candidates.set(service, await startCandidate(parts, service, to, target.operation_id, aborted));
  });
}

async function ensureProxy({ proxy_upkeep }: Parts): Promise<void> {
  try {
    await proxy_upkeep.ensure();
  } catch (error) {
    throw new DeployFailure(
      null,
      'switch',
      (error as Error).message,
      'See the log of the proxy in the home of the agent.',
    );
  }
}

async function replaceFixedPorts(parts: Parts, rollout: Rollout): Promise<void> {
  for (const change of switches(rollout)) {
    if (!takesSamePort(change) || change.from === null) continue;
    const { service, from, to } = change;
    const instance = await replaceOnSamePort(parts, { service, from, to }, rollout.target.operation_id);
    rollout.candidates.set(service, instance);
    rollout.replaced.push(change);
  }
}

/** One change of the proxy for all services, routes and listeners. */
async function switchRequests({ upkeep, routing, progress }: Parts, rollout: Rollout): Promise<void> {
  const { changes, candidates, surrendered, replaced } = rollout;
  for (const change of changes) {
    const { service } = change;
    if (change.kind === 'keep' || replaced.includes(change as Switch)) continue;
    if (change.kind === 'switch') progress.enter(service, change.to, 'switch');
    surrendered.set(service, await upkeep.surrender(service));
  }
  const targets = new Map([...candidates].map(([service, active]) => [service, { active, held: false }]));
  try {
    await routing.replace(rollout.target.document, targets);
  } catch (error) {
    throw new DeployFailure(
      null,
      'switch',
      (error as Error).message,
      'Choose other ports in `proxy` or `names`, or free them.',
    );
  }
}

async function observe({ context }: Parts, { changes }: Rollout): Promise<void> {
  for (const { service, to } of switches({ changes })) {
    await observeRelease(context, service, to, context.state.services.get(service)?.internal_port ?? 0);
  }
}

/** The point of no return: one write. */
function commit({ context, upkeep }: Parts, rollout: Rollout): void {
  const { target, changes, candidates, surrendered } = rollout;
  const { state, clock } = context;
  const now = clock.now();
  state.write(() => {
    for (const change of changes) {
      if (change.kind === 'keep') continue;
      const { service, from } = change;
      if (from) state.releases.setState(service, from.release_id, 'draining', now);
      const old = surrendered.get(service);
      if (old && from) state.releases.setRole(old.id, 'draining', now + from.drain_timeout_seconds * 1000);
      else if (from) state.releases.setState(service, from.release_id, 'kept', now);
      if (change.kind === 'remove') continue;
      state.releases.setState(service, change.to.release_id, 'serving', now);
      state.releases.setRole(candidates.get(service)!.id, 'serving');
      state.services.setFailure(service, null);
    }
    state.desired.markApplied(target);
    state.desired.saveReceipt(target.stack_id, receiptOf(context, rollout, null));
  });
  for (const [service, instance] of candidates) upkeep.adopt(service, instance);
}

function drainOld({ context, drains, tidy }: Parts, { changes, surrendered }: Rollout): void {
  for (const change of changes) {
    const old = surrendered.get(change.service);
    if (change.kind === 'keep' || !change.from || !old) continue;
    void drains.begin(old, context.clock.now() + change.from.drain_timeout_seconds * 1000);
  }
  tidy.request();
}

function takesSamePort({ from, to }: Switch): boolean {
  return from !== null && to.port !== null && from.port === to.port;
}
