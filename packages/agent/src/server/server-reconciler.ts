/**
 * Makes the server what its accepted server state says, apart from what its stack says: one code path, woken by an offer or a timer.
 * ```
 *  offer ─▶ judge ─▶ journal ─▶ wake ─┐
 *                            timer ───┴▶ apply what is accepted and not settled ─▶ keep up what is applied
 * ```
 * A version that failed is not tried again until a higher one is accepted: what was in force before it stays in force.
 */
import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import type { AgentState } from '@mainstay/contract/agent-api';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { createWake } from '../link/wake.ts';
import type { Problems } from '../problems.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { KeeperKeys } from '../state/keeper-keys.ts';
import { runningServerReceipt, type ServerStates } from '../state/server-states.ts';
import { judgeServerState, type ServerRefusal } from './acceptance.ts';
import { ServerFailure, type ServerPart, unchanged_server, type WantedServer } from './server-part.ts';

export type ServerReconcilerOptions = {
  server_id: string;
  states: ServerStates;
  keeper_keys: KeeperKeys;
  /** What the person who installed the agent chose; holds until a signed server state comes. */
  chosen_here?: WantedServer;
  parts: readonly ServerPart[];
  clock: Clock;
  log: Logger;
  problems: Problems;
  emit(event: NewAgentEvent): void;
  /** What the control plane should hear of at once has changed. */
  changed(): void;
  interval_ms?: number;
};

export type ServerReconciler = {
  start(): void;
  /** A server state came with a heartbeat's answer. Never rejects. */
  offer(offer: ServerStateOffer): Promise<void>;
  /** Something that the parts depend on may have changed, such as the stack: a round at once. */
  look(): void;
  refusal(): AgentState['server_refusal'];
  /** What is in force. */
  wanted(): WantedServer;
  stop(): Promise<void>;
};

export function createServerReconciler(options: ServerReconcilerOptions): ServerReconciler {
  const { states, parts, clock, log, problems, emit, changed, keeper_keys, interval_ms = 15_000 } = options;
  const ending = new AbortController();
  const wake = createWake();
  let refusal: AgentState['server_refusal'] = null;
  let loop: Promise<void> = Promise.resolve();
  let judging: Promise<void> = Promise.resolve();

  const wanted = (): WantedServer => states.applied()?.document ?? options.chosen_here ?? unchanged_server;

  const applyAll = async (next: WantedServer, before: WantedServer) => {
    const done: ServerPart[] = [];
    try {
      for (const part of inOrder(parts, next)) {
        done.unshift(part);
        await part.apply(next, ending.signal);
      }
    } catch (error) {
      if (!ending.signal.aborted) await putBack(done.slice(1), before);
      throw error;
    }
  };
  const putBack = async (done: readonly ServerPart[], before: WantedServer) => {
    for (const part of done) {
      try {
        await part.apply(before, ending.signal);
      } catch (error) {
        log.error({ err: error, part: part.name }, 'what was before could not be put back');
        problems.set(
          `server_${part.name}`,
          `After a failed change, ${part.name} could not be put back: ${(error as Error).message}`,
        );
      }
    }
  };

  const converge = async () => {
    const accepted = states.accepted();
    if (!accepted || states.receipt()?.state !== 'running') return;
    const { version, operation_id } = accepted;
    const running = runningServerReceipt(accepted);
    try {
      await applyAll(accepted.document, wanted());
    } catch (error) {
      // The agent ends, perhaps to be another version of itself: the next one begins with this again.
      if (ending.signal.aborted) return;
      const { message } = error as Error;
      const hint = error instanceof ServerFailure ? error.hint : 'See the log of the agent.';
      if (!(error instanceof ServerFailure)) log.error({ err: error }, 'a server state could not be applied');
      states.settle({ ...running, state: 'failed', message: message.slice(0, 4_000), hint, finished_at: clock.now() });
      emit({
        kind: 'server_state.failed',
        severity: 'error',
        message: `Server state ${version} did not come into force: ${message}`.slice(0, 4_000),
        operation_id,
      });
      return changed();
    }
    states.settle({ ...running, state: 'succeeded', finished_at: clock.now() });
    const message = `Server state ${version} is in force.`;
    emit({ kind: 'server_state.succeeded', severity: 'notice', message, operation_id });
    changed();
  };

  const round = async () => {
    try {
      await converge();
      // A process that ends leaves what there is to the next one, which may be another version.
      if (ending.signal.aborted) return;
      for (const part of parts) await part.keepUp(wanted());
      problems.clear('server_state');
    } catch (error) {
      if (ending.signal.aborted) return;
      log.error({ err: error }, 'the server state could not be kept up');
      problems.set('server_state', `The server state could not be kept up: ${(error as Error).message}`);
    }
  };

  const refuse = (why: ServerRefusal) => {
    const known = refusal?.version === why.version && refusal.reason === why.reason;
    if (!known) {
      const message = `A server state was refused: ${why.message}`;
      emit({ kind: 'server_state.refused', severity: 'error', message, data: why });
      log.warn(why, 'a server state was refused');
    }
    refusal = { ...why, at: known && refusal ? refusal.at : clock.now() };
    if (!known) changed();
  };

  const judge = async (offer: ServerStateOffer) => {
    const now_ms = clock.now();
    const keeper = keeper_keys.pinned();
    const judgement = await judgeServerState(offer, { server_id: options.server_id, keeper, states, now_ms });
    if (judgement.kind === 'refused') return refuse(judgement.refusal);
    refusal = null;
    if (judgement.kind === 'known') return;
    const { state } = judgement;
    states.accept(state, offer.grant);
    const message = `Server state ${state.version} was accepted.`;
    emit({ kind: 'server_state.accepted', message, operation_id: state.operation_id });
    changed();
    wake.ring();
  };

  return {
    start() {
      loop = (async () => {
        while (!ending.signal.aborted) {
          await round();
          await wake.wait(interval_ms, ending.signal);
        }
      })();
    },
    offer(offer) {
      // One after the other; what cannot be stored is offered again with the next heartbeat.
      judging = judging
        .then(() => judge(offer))
        .catch((error: unknown) => log.error({ err: error }, 'a server state could not be taken'));
      return judging;
    },
    look: () => wake.ring(),
    refusal: () => refusal,
    wanted,
    async stop() {
      ending.abort();
      await judging;
      await loop;
    },
  };
}

/** A tunnel must stand before what it takes the place of is closed, and goes only after that is open again; the agent's own release comes last. */
function inOrder(parts: readonly ServerPart[], next: WantedServer): ServerPart[] {
  const order = next.tunnel ? ['tunnel', 'security', 'drained', 'agent'] : ['security', 'tunnel', 'drained', 'agent'];
  return [...parts].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
}
