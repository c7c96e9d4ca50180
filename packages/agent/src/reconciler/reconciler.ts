/**
 * The reconciler: one code path, woken by a change or a timer, that makes the server what the accepted desired state says.
 * ```
 *  offer ─▶ judge ─▶ journal ─▶ wake ─┐
 *                            timer ───┴▶ roll out what is accepted and not applied ─▶ tidy up
 *                            timer ────▶ keep up what is applied (upkeep, names, proxy)
 * ```
 * A version whose rollout failed is not tried again until a newer one is accepted: its receipt says so, also after a restart.
 */
import type { AgentState, DesiredStateResponse, Receipt } from '@mainstay/contract/agent-api';
import { stayListening } from '@mainstay/runtime/on-abort';
import type { OfferOutcome } from '../link/link.ts';
import { createWake } from '../link/wake.ts';
import type { ServerPart } from '../server/server-part.ts';
import type { KeeperKeys } from '../state/keeper-keys.ts';
import { judgeDesiredState, type Refusal } from './acceptance.ts';
import { type Context, Superseded } from './context.ts';
import { createDrainedPart } from './drained-part.ts';
import { createParts, type Parts } from './parts.ts';
import { runningReceipt } from './receipts.ts';
import { recover } from './recovery.ts';
import { rollOut } from './rollout.ts';

export type Reconciler = {
  parts: Parts;
  /** Whether anything runs here at all, as a part of the server state. */
  drained: ServerPart;
  /** Recovers, then runs until it is stopped. The supervisor's instances with other ids than its own are ended, but for those in `others`. */
  start(others?: readonly string[]): Promise<void>;
  /** A desired state came from the control plane; null when it could not be read. */
  offer(response: DesiredStateResponse | null): Promise<OfferOutcome>;
  /** The receipt of the newest accepted state. */
  receipt(): Receipt | null;
  refusal(): AgentState['refusal'];
  /** True while what is accepted is not settled. */
  isRollingOut(): boolean;
  /** Ends the loops and what is under way; instances and proxy run on unless `services` is true. */
  stop(options: { services: boolean }): Promise<void>;
};

export type ReconcilerOptions = { context: Context; server_id: string; keeper_keys: KeeperKeys };

/** After an error of the reconciler itself, such as a full disk, the next try is this much later. */
const retry_ms = 5_000;
/** What is open on the proxy may finish within this time when everything is stopped. */
const proxy_stop_ms = 3_000;

export function createReconciler({ context, server_id, keeper_keys }: ReconcilerOptions): Reconciler {
  const { state, clock, log, problems, settings } = context;
  const parts = createParts(context);
  const ending = new AbortController();
  stayListening(ending.signal);
  const wake = createWake();
  let rollout: { version: number; abort: AbortController } | null = null;
  let refusal: AgentState['refusal'] = null;
  let loops: Promise<void>[] = [];
  let judging: Promise<unknown> = Promise.resolve();

  const receipt = () => {
    const accepted = state.desired.accepted();
    return accepted && state.desired.receipt(accepted.stack_id, accepted.version);
  };

  const converge = async () => {
    const accepted = state.desired.accepted();
    // On a server that is drained it waits.
    if (accepted && receipt()?.state === 'running' && !parts.upkeep.isSuspended()) {
      const abort = new AbortController();
      rollout = { version: accepted.version, abort };
      if (ending.signal.aborted) abort.abort(new Superseded(null));
      try {
        await parts.drift_watch.settle();
        await rollOut(parts, accepted, abort.signal);
      } finally {
        rollout = null;
      }
    }
    if (receipt()?.state !== 'running') await parts.tidy.run();
  };

  const convergeLoop = async () => {
    while (!ending.signal.aborted) {
      let wait_ms = settings.heal_interval_ms;
      try {
        await converge();
        problems.clear('reconciler');
      } catch (error) {
        log.error({ err: error }, 'the reconciler could not go on');
        problems.set('reconciler', `The reconciler could not go on: ${(error as Error).message}`);
        wait_ms = retry_ms;
      }
      await wake.wait(wait_ms, ending.signal);
    }
  };

  const healLoop = async () => {
    while (!ending.signal.aborted) {
      try {
        parts.upkeep.tick();
        parts.names_upkeep.tick();
        if (receipt()?.state !== 'running' && !parts.upkeep.isSuspended()) parts.drift_watch.tick();
        await parts.proxy_upkeep.heal();
      } catch (error) {
        log.error({ err: error }, 'a round of healing failed');
      }
      await clock.sleep(settings.heal_interval_ms, ending.signal);
    }
  };

  const refuse = (reason: Refusal): OfferOutcome => {
    const known = refusal?.version === reason.version && refusal.reason === reason.reason;
    if (!known) {
      const message = `A desired state was refused: ${reason.message}`;
      context.emit({ kind: 'desired_state.refused', severity: 'error', message, data: reason });
      log.warn(reason, 'a desired state was refused');
    }
    refusal = { ...reason, at: known && refusal ? refusal.at : clock.now() };
    context.changed();
    // A clock that is set right makes it acceptable.
    return reason.reason === 'not_yet_valid' || reason.reason === 'expired' ? 'retry_later' : 'refused';
  };

  const judge = async (response: DesiredStateResponse | null): Promise<OfferOutcome> => {
    await keeper_keys.follow(response?.key_changes ?? []);
    const judgement = await judgeDesiredState(response, {
      server_id,
      keeper: keeper_keys.pinned(),
      desired: state.desired,
      now_ms: clock.now(),
    });
    if (judgement.kind === 'refused') return refuse(judgement.refusal);
    if (refusal) context.changed();
    refusal = null;
    if (judgement.kind === 'known') return 'known';
    const { state: accepted, grant } = judgement;
    // One write, and before anything else: what is not journalled is not run, and what it supersedes is not given up for it.
    state.write(() => {
      supersede(accepted.version);
      state.desired.accept(accepted, grant, runningReceipt(accepted));
    });
    const { version, operation_id } = accepted;
    const message = `Version ${version} was accepted: operation ${grant.operation} by ${grant.actor.name}.`;
    context.emit({ kind: 'desired_state.accepted', message, operation_id, data: { version } });
    rollout?.abort.abort(new Superseded(version));
    context.changed();
    wake.ring();
    return 'taken';
  };

  /** An accepted version that was not begun yet will never be: its receipt says so. */
  const supersede = (version: number) => {
    const waiting = state.desired.accepted();
    if (!waiting || rollout?.version === waiting.version || receipt()?.state !== 'running') return;
    state.desired.saveReceipt(waiting.stack_id, {
      ...runningReceipt(waiting),
      state: 'failed',
      message: new Superseded(version).message,
      finished_at: clock.now(),
    });
  };

  const isRollingOut = () => receipt()?.state === 'running';
  return {
    parts,
    drained: createDrainedPart({ parts, isAtWork: () => rollout !== null, isRollingOut, wake: wake.ring }),
    async start(others = []) {
      parts.upkeep.suspend(state.server.applied()?.document.drained ?? false);
      await recover(parts, others);
      loops = [convergeLoop(), healLoop()];
    },
    offer(response) {
      const outcome = judging
        .then(() => judge(response))
        .catch((error: Error): OfferOutcome => {
          // The journal cannot be written: what is not stored is not accepted.
          log.error({ err: error }, 'a desired state could not be taken');
          return 'retry_later';
        });
      judging = outcome;
      return outcome;
    },
    receipt,
    refusal: () => refusal,
    isRollingOut,
    async stop({ services }) {
      ending.abort();
      rollout?.abort.abort(new Superseded(null));
      await Promise.all(loops);
      await parts.drift_watch.settle();
      await parts.upkeep.stop();
      await parts.names_upkeep.end({ removes: services });
      await parts.drains.detach();
      if (!services) return context.supervisor.detach();
      await parts.proxy_upkeep.end(proxy_stop_ms);
      await Promise.all(parts.instances.all().map((instance) => parts.instances.stop(instance)));
      await context.supervisor.detach();
    },
  };
}
