/** How a noun registers what its operations do: a read answers, a change plans. */
import type { Actor, Operation, OutputOf, ParsedInputOf } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import type { Planned } from './change.ts';

export type CallInfo = {
  actor: Actor | null;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
};

type PlanInput<T extends Operation> = Omit<ParsedInputOf<T>, 'dry_run' | 'plan_hash' | 'idempotency_key'>;

export type Handler =
  | { kind: 'read'; id: string; read: (context: Context, input: never, info: CallInfo) => Promise<unknown> }
  | { kind: 'change'; id: string; plan: (context: Context, input: never, actor: Actor) => Promise<Planned> };

export function reads<T extends Operation>(
  operation: T,
  read: (context: Context, input: ParsedInputOf<T>, info: CallInfo) => Promise<OutputOf<T>>,
): Handler {
  return { kind: 'read', id: operation.id, read: read as Extract<Handler, { kind: 'read' }>['read'] };
}

export function changes<T extends Operation>(
  operation: T,
  plan: (context: Context, input: PlanInput<T>, actor: Actor) => Promise<Planned>,
): Handler {
  return { kind: 'change', id: operation.id, plan: plan as Extract<Handler, { kind: 'change' }>['plan'] };
}
