/**
 * The run of an operation, in two steps: `carry_out` writes the change, its audit and its own receipt as one, so that it takes place
 * once however often the process is killed; `observe` waits, without a worker, until the servers have reported what became of it.
 */
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import { idSchema } from '@mainstay/contract/ids';
import * as z from 'zod';
import type { Context } from '../context.ts';
import type { RunRow } from '../orchestrator/advance.ts';
import { type Workflow, workflow } from '../orchestrator/workflow.ts';
import type { Statement } from '../store/store.ts';
import { endStatements } from './cancel.ts';
import { carryOut } from './carry-out.ts';
import { failureStatements } from './failure.ts';
import { findOperation } from './operation-store.ts';
import type { PlanOf } from './plans.ts';
import { orchestratorActor } from './records.ts';

const Input = z.strictObject({ operation_id: idSchema('operation') });

export function createChangeWorkflow(context: Context, planOf: PlanOf): Workflow<typeof Input> {
  const { store, signals } = context;
  return workflow({ name: 'change', version: 1, input: Input })
    .step('carry_out', {
      // The keeper is asked for its public keys; one that starts anew is back within seconds.
      retry: { Unavailable: { retries: 12, first_ms: 500, factor: 2 } },
      async run(step) {
        const row = await findOperation(store, step.input.operation_id);
        if (row.state !== 'approved') throw notApproved(row.id, row.state);
        const effect = await carryOut(context, planOf, row);
        const committed = await step.commit(effect.statements, { settled_by_receipts: effect.settled_by_receipts });
        signals.notify(...effect.signals);
        return committed;
      },
    })
    .step('observe', {
      needs: ['carry_out'],
      async run(step) {
        const { operation_id } = step.input;
        const row = await findOperation(store, operation_id);
        // Of a topic that no run signals: its own signals would wake it for ever.
        if (row.state === 'running') return step.park({ topic: `settled:${operation_id}` });
        if (row.state === 'failed') throw new AppError('Conflict', row.message ?? 'It failed on its servers.');
        return { state: row.state };
      },
    })
    .done();
}

function notApproved(id: string, state: string): AppError {
  return new AppError('Conflict', `Operation ${id} is not carried out: it is ${state}.`);
}

/** What the end of a run says of its operation; nothing where the operation has ended by itself. */
export async function endOfRun(context: Context, run: RunRow): Promise<Statement[]> {
  if (run.operation_id === null || run.state === 'succeeded') return [];
  const row = await findOperation(context.store, run.operation_id);
  if (row.state !== 'approved') return [];
  if (run.state === 'cancelled') {
    const message = 'Its run was cancelled before anything was done.';
    return endStatements(context, row, { actor: orchestratorActor, message, reason: null }, context.clock.now());
  }
  return failureStatements(context, row, errorOfRun(run));
}

function errorOfRun({ error }: RunRow): AppError {
  const parsed = ErrorBody.safeParse(error === null ? null : JSON.parse(error));
  if (!parsed.success) return new AppError('Internal', 'Its run ended without saying why.');
  return AppError.fromBody(parsed.data);
}
