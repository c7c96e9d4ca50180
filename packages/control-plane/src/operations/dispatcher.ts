/**
 * The one way in: whoever calls (HTTP, MCP, the ref poller, a test) gives an actor and raw input, and gets the validated
 * output or an AppError. Authenticate → authorize → validate → do → check what goes out.
 */
import { AppError, invalidInput } from '@mainstay/contract/errors';
import type { Actor, Operation } from '@mainstay/contract/operation';
import { operationList } from '@mainstay/contract/operations/index';
import { authorize } from '../access/authorize.ts';
import type { Context } from '../context.ts';
import { change } from './change.ts';
import type { Handler } from './handlers.ts';
import { asked_with_key } from './planned.ts';
import type { PlanOf } from './plans.ts';

export type CallOptions = {
  signal?: AbortSignal;
  /** The session or token that the request came with, by its id. */
  key_id?: string;
};

export type Dispatcher = {
  /** @throws AppError of a code that the operation declares, or of a universal one. */
  call(id: string, actor: Actor | null, input: unknown, options?: CallOptions): Promise<unknown>;
};

export function createDispatcher(context: Context, handlers: readonly Handler[], planOf: PlanOf): Dispatcher {
  const byId = new Map(handlers.map((handler) => [handler.id, handler]));
  const known = new Map<string, Operation>(operationList.map((operation) => [operation.id, operation]));
  for (const operation of operationList) {
    const handler = byId.get(operation.id);
    // That every operation has one is held by the parity suite.
    if (!handler) continue;
    const kind = operation.effect === 'destroy' ? 'change' : operation.effect;
    if (handler.kind !== kind) throw new Error(`operation ${operation.id} is not a ${handler.kind}`);
  }

  return {
    async call(id, actor, input, options = {}) {
      const operation = known.get(id);
      const handler = byId.get(id);
      if (!operation || !handler)
        throw new AppError('NotFound', `There is no operation "${String(id).slice(0, 100)}".`);
      if (operation.permission !== 'none') {
        if (!actor) {
          throw new AppError('Unauthenticated', 'Nobody is signed in.', {
            hint: 'Sign in (mainstay sign-in-link gives a link), or send a token.',
          });
        }
        if (!authorize(actor, operation.permission, null)) {
          throw new AppError('Forbidden', `${actor.name} may not do ${operation.id}.`);
        }
      }
      const parsed = operation.input.safeParse(input ?? {});
      if (!parsed.success) throw invalidInput(parsed.error);
      const signal = options.signal ?? new AbortController().signal;
      const output =
        handler.kind === 'change'
          ? await changeOf(context, planOf, operation, actor!, parsed.data as Record<string, unknown>, options.key_id)
          : await handler.read(context, parsed.data as never, { actor, signal, key_id: options.key_id ?? null });
      const checked = operation.output.safeParse(output);
      if (!checked.success) {
        context.log.error(
          { operation: id, issues: checked.error.issues.slice(0, 5) },
          'output does not fit the contract',
        );
        throw new AppError('Internal', `The answer of ${id} does not fit its contract.`);
      }
      return checked.data;
    },
  };
}

async function changeOf(
  context: Context,
  planOf: PlanOf,
  operation: Operation,
  actor: Actor,
  parsed: Record<string, unknown>,
  key_id: string | undefined,
) {
  const { dry_run, plan_hash, idempotency_key, proof, ...input } = parsed;
  return change(context, planOf, {
    operation: operation.id,
    actor,
    input,
    dry_run: dry_run === true,
    plan_hash: plan_hash as string | undefined,
    idempotency_key: idempotency_key as string | undefined,
    proof: proof as string | undefined,
    ...(key_id === undefined ? {} : { facts: { [asked_with_key]: key_id } }),
  });
}

/** How each operation that changes something is planned. */
export function plansOf(handlers: readonly Handler[]): PlanOf {
  const plans = new Map(handlers.flatMap((handler) => (handler.kind === 'change' ? [[handler.id, handler.plan]] : [])));
  return (operation) => {
    const plan = plans.get(operation);
    if (!plan) throw new AppError('NotFound', `There is no change "${operation.slice(0, 100)}".`);
    return plan;
  };
}
