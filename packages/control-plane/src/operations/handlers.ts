/** How a noun registers what its operations do: a read answers, a word acts on what is under way, a change plans. */
import type { Actor, Operation, OutputOf, ParsedInputOf } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import type { Planned } from './planned.ts';

export type CallInfo = {
  actor: Actor | null;
  /** The session or token that the request came with, by its id; null where there is none. */
  key_id: string | null;
  /** Aborted when nobody waits for the answer any more. */
  signal: AbortSignal;
};

type ChangeField = 'dry_run' | 'plan_hash' | 'idempotency_key' | 'proof';
type PlanInput<T extends Operation> = Omit<ParsedInputOf<T>, ChangeField>;

export type Handler =
  | { kind: 'read' | 'act'; id: string; read: (context: Context, input: never, info: CallInfo) => Promise<unknown> }
  | { kind: 'change'; id: string; plan: (context: Context, input: never, actor: Actor) => Promise<Planned> };

type Answering = Extract<Handler, { read: unknown }>;

export function reads<T extends Operation>(
  operation: T,
  read: (context: Context, input: ParsedInputOf<T>, info: CallInfo) => Promise<OutputOf<T>>,
): Handler {
  return { kind: 'read', id: operation.id, read: read as Answering['read'] };
}

export function acts<T extends Operation>(
  operation: T,
  act: (context: Context, input: ParsedInputOf<T>, info: CallInfo & { actor: Actor }) => Promise<OutputOf<T>>,
): Handler {
  return { kind: 'act', id: operation.id, read: act as unknown as Answering['read'] };
}

export function changes<T extends Operation>(
  operation: T,
  plan: (context: Context, input: PlanInput<T>, actor: Actor) => Promise<Planned>,
): Handler {
  return { kind: 'change', id: operation.id, plan: plan as Extract<Handler, { kind: 'change' }>['plan'] };
}
