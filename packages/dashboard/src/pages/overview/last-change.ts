/** What changed last of each stack: the newest operation on it, or something worse that happened to it since. */
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import { events } from '../../texts/events.ts';
import { eventTone } from '../../ui/event/event-words.ts';
import { operationStatus, type Tone } from '../../ui/words.ts';

export type LastChange = {
  tone: Tone;
  text: string;
  by: string | null;
  at: number;
  operation_id: string | null;
};

/**
 * By name of the stack.
 * @param operations Newest first.
 * @param warnings Oldest first.
 */
export function lastChanges(
  operations: readonly OperationView[],
  warnings: readonly EventView[],
): ReadonlyMap<string, LastChange> {
  const changes = new Map<string, LastChange>();
  for (const { id, stack, state, plan, actor, created_at } of operations) {
    if (stack === null || changes.has(stack)) continue;
    const { tone } = operationStatus(state);
    changes.set(stack, { tone, text: plan.summary, by: actor.name, at: created_at, operation_id: id });
  }
  for (const event of warnings) {
    if (event.stack === null || event.at <= (changes.get(event.stack)?.at ?? 0)) continue;
    // That an operation failed is told by the operation itself.
    if (event.operation_id !== null && event.operation_id === changes.get(event.stack)?.operation_id) continue;
    changes.set(event.stack, {
      tone: eventTone(event),
      text: events.kinds[event.kind] ?? event.kind,
      by: event.service ?? event.server ?? event.actor,
      at: event.at,
      operation_id: event.operation_id,
    });
  }
  return changes;
}
