/**
 * The run of an operation, in two steps: `carry_out` writes the change, its audit and its own receipt as one, so that it takes place
 * once however often the process is killed; `observe` waits, without a worker, until the servers have reported what became of it.
 */
import { AppError, ErrorBody } from '@mainstay/contract/errors';
import { idSchema } from '@mainstay/contract/ids';
import * as z from 'zod';
import type { Context } from '../context.ts';
import type { RunRow } from '../orchestrator/advance.ts';
import { type StepContext, type Workflow, workflow } from '../orchestrator/workflow.ts';
import { endOfRollout } from '../rollouts/rollout-end.ts';
import { findRollout } from '../rollouts/rollout-store.ts';
import type { Statement } from '../store/store.ts';
import { endStatements } from './cancel.ts';
import { carryOut } from './carry-out.ts';
import { failureStatements } from './failure.ts';
import { findOperation, type OperationRow } from './operation-store.ts';
import type { PlanOf } from './plans.ts';
import { orchestratorActor } from './records.ts';

const Input = z.strictObject({ operation_id: idSchema('operation') });

export function createChangeWorkflow(context: Context, planOf: PlanOf): Workflow<typeof Input> {
  return workflow({ name: 'change', version: 1, input: Input })
    .step('carry_out', carryOutStep(context, planOf, { in_waves: false }))
    .step('observe', {
      needs: ['carry_out'],
      async run(step) {
        const { operation_id } = step.input;
        // Of a topic that no run signals: its own signals would wake it for ever.
        return (
          observed(await findOperation(context.store, operation_id)) ?? step.park({ topic: settledTopic(operation_id) })
        );
      },
    })
    .done();
}

export function settledTopic(operation_id: string): string {
  return `settled:${operation_id}`;
}

type CarryOutContext = Pick<StepContext<z.output<typeof Input>>, 'input' | 'commit'>;

/** The step that writes a change, with the waves that it goes out in where it is to. */
export function carryOutStep(context: Context, planOf: PlanOf, { in_waves }: { in_waves: boolean }) {
  const { store, signals } = context;
  return {
    // The keeper is asked for its public keys; one that starts anew is back within seconds.
    retry: { Unavailable: { retries: 12, first_ms: 500, factor: 2 } },
    async run(step: CarryOutContext) {
      const row = await findOperation(store, step.input.operation_id);
      if (row.state !== 'approved') throw notApproved(row.id, row.state);
      const effect = await carryOut(context, planOf, row, { in_waves });
      const committed = await step.commit(effect.statements, { settled_by_receipts: effect.settled_by_receipts });
      signals.notify(...effect.signals);
      return committed;
    },
  };
}

/** The state that an operation ended in; null while its servers are at it. @throws AppError when it failed on them. */
export function observed(row: OperationRow): { state: string } | null {
  if (row.state === 'running') return null;
  if (row.state === 'failed') throw new AppError('Conflict', row.message ?? 'It failed on its servers.');
  return { state: row.state };
}

function notApproved(id: string, state: string): AppError {
  return new AppError('Conflict', `Operation ${id} is not carried out: it is ${state}.`);
}

/** What the end of a run says of its operation; nothing where the operation has ended by itself. */
export async function endOfRun(context: Context, run: RunRow): Promise<Statement[]> {
  if (run.operation_id === null || run.state === 'succeeded') return [];
  const row = await findOperation(context.store, run.operation_id);
  const rollout = row.state === 'running' ? await findRollout(context.store, row.id) : null;
  if (rollout && rollout.state !== 'ended') {
    const message = [rollout.reason, 'Taking it back was given up: see what each server has.'].join('\n').trim();
    return (await endOfRollout(context, row, rollout, 'failed', message)).statements;
  }
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
