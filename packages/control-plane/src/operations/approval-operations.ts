/** What words of people on operations do: they go to the keeper, which alone decides what they are worth. */
import { AppError } from '@mainstay/contract/errors';
import type { Word } from '@mainstay/contract/keeper-api';
import type { Actor } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import { authorize } from '../access/authorize.ts';
import type { Context } from '../context.ts';
import { cancel } from './cancel.ts';
import { speak } from './decisions.ts';
import { acts, type Handler } from './handlers.ts';
import { findOperation } from './operation-store.ts';
import { collectResult } from './results.ts';
import { operationView } from './settlement.ts';

type Spoken = { id: string; plan_hash: string; reason?: string | undefined; proof?: string | undefined };

async function spoken(context: Context, verdict: Word['verdict'], input: Spoken, actor: Actor) {
  const { id: operation_id, plan_hash, reason = null, proof = null } = input;
  await speak(context, { operation_id, verdict, actor, plan_hash, reason, proof });
  return viewOf(context, operation_id);
}

async function viewOf(context: Context, id: string) {
  return { operation: await operationView(context, await findOperation(context.store, id)) };
}

export const approvalHandlers: Handler[] = [
  acts(operations['operations.approve'], (context, input, { actor }) => spoken(context, 'approve', input, actor)),

  acts(operations['operations.reject'], (context, input, { actor }) => spoken(context, 'reject', input, actor)),

  acts(operations['operations.confirm'], (context, input, { actor }) => spoken(context, 'confirm', input, actor)),

  acts(operations['operations.cancel'], async (context, { id, reason = null }, { actor }) => {
    const row = await findOperation(context.store, id);
    if (row.actor_id !== actor.id && !authorize(actor, 'operations:cancel', `operation/${id}`)) {
      throw new AppError('Forbidden', `Operation ${id} was proposed by somebody else.`, { field: 'id' });
    }
    await cancel(context, id, actor, reason);
    return viewOf(context, id);
  }),

  acts(operations['operations.collect'], async (context, { id }, { actor }) => {
    const result = await collectResult(context, id, actor);
    return { ...(await viewOf(context, id)), result: result as null };
  }),
];
