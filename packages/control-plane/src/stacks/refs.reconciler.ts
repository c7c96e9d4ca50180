/**
 * Follows refs: looks them up at each stack's interval, or at once when a webhook asks, and deploys what moved as any other
 * change, by policy and signed. A commit that failed is not tried again until the ref moves on or a person asks. A stack that is
 * paused is left alone.
 */
import { AppError } from '@mainstay/contract/errors';
import { contentDigest } from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent, type NewEvent, selectEvents } from '../events/event-store.ts';
import { change } from '../operations/change.ts';
import { type Facts, recallFrom } from '../operations/planned.ts';
import type { PlanOf } from '../operations/plans.ts';
import { takenBackBy } from '../rollouts/rollout-store.ts';
import { baseVersion, findVersion, type StackRow, selectStacks } from './stack-store.ts';

export const pollerActor: Actor = { kind: 'system', id: 'ref-poller', name: 'ref poller', role: null, proof: 'none' };
export const webhookActor: Actor = { kind: 'webhook', id: 'webhook', name: 'webhook', role: null, proof: 'signature' };

export type RefFollower = {
  /** Looks up what is due. Never rejects. */
  tick(): Promise<void>;
  /** Looks one stack up at the next tick. */
  ask(stack_id: string): void;
};

export function createRefFollower(context: Context, planOf: PlanOf): RefFollower {
  const { store, clock, log } = context;
  const looked_at = new Map<string, number>();
  const asked = new Set<string>();
  /** Whether the source of a stack could be read last time, so that each turn is told once. */
  const readable = new Map<string, boolean>();
  let ticking: Promise<void> | null = null;

  /** As it was told last, also by a control plane that ran before this one. */
  const wasReadable = async (stack: StackRow) => {
    const known = readable.get(stack.id);
    if (known !== undefined) return known;
    const told = await selectEvents(store, {
      kind: ['stack.source_unavailable', 'stack.source_available'],
      stack: stack.name,
      limit: 1,
    });
    return told.events[0]?.kind !== 'stack.source_unavailable';
  };

  const tellOfSource = async (stack: StackRow, event: Pick<NewEvent, 'kind' | 'severity' | 'message'>) => {
    await store.batch([insertEvent(store, { ...event, at: clock.now(), stack: stack.name })]);
    context.signals.notify('events');
  };

  const follow = async (stack: StackRow, actor: Actor) => {
    const facts: Facts = {};
    const input = { stack: stack.name };
    const planning = { ...context, recall: recallFrom(facts) };
    const plan = await planOf('stacks.deploy')(planning, input as never, actor);
    if (!(await wasReadable(stack))) {
      const message = `The refs of stack ${stack.name} can be read again.`;
      await tellOfSource(stack, { kind: 'stack.source_available', severity: 'notice', message });
    }
    readable.set(stack.id, true);
    if (plan.changes.length === 0 || !plan.document) return;
    const taken_back = await takenBackBy(store, stack.id, stack.desired_version);
    const newest = await findVersion(store, stack.id, taken_back ?? stack.desired_version);
    if (
      newest?.row.state === 'failed' &&
      (await contentDigest(newest.document)) === (await contentDigest(plan.document))
    )
      return;
    await change(context, planOf, { operation: 'stacks.deploy', actor, input, facts });
  };

  const tell = async (stack: StackRow, error: unknown) => {
    if (!(error instanceof AppError) || error.code !== 'SourceUnavailable') {
      log.warn({ err: error, stack: stack.name }, 'refs not followed');
      return;
    }
    const isNews = await wasReadable(stack);
    readable.set(stack.id, false);
    if (!isNews) return;
    const message = `The refs of stack ${stack.name} cannot be read: ${error.message}`;
    await tellOfSource(stack, { kind: 'stack.source_unavailable', severity: 'warning', message });
  };

  const tick = async () => {
    for (const stack of await selectStacks(store)) {
      // A push that was reported meanwhile is followed when the stack is resumed.
      if (stack.paused !== null) continue;
      const byWebhook = asked.has(stack.id);
      const base = await baseVersion(store, stack);
      if (!base) continue;
      const due = clock.now() - (looked_at.get(stack.id) ?? stack.updated_at) >= base.spec.poll_interval_seconds * 1000;
      if (!byWebhook && !(due && base.spec.auto_deploy)) continue;
      // What is on its way is let come to its end first.
      if (base.row.state === 'running') continue;
      asked.delete(stack.id);
      looked_at.set(stack.id, clock.now());
      await follow(stack, byWebhook ? webhookActor : pollerActor).catch((error: unknown) => tell(stack, error));
    }
  };

  return {
    tick: () =>
      (ticking ??= tick()
        .catch((error: unknown) => log.error({ err: error }, 'refs not followed'))
        .finally(() => {
          ticking = null;
        })),
    ask: (stack_id) => void asked.add(stack_id),
  };
}
