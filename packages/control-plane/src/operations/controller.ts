/**
 * The controller: takes approved operations from the bus, verifies their signatures with public keys only, and starts exactly one run of
 * each; the run's id follows from the operation's. It is idempotent by operation id, and at its start it finds what was left pending.
 */
import { AppError } from '@mainstay/contract/errors';
import * as z from 'zod';
import { type RunningConsumer, startConsumer, type Verdict } from '../bus/consume.ts';
import { pending_subjects, stream } from '../bus/subjects.ts';
import type { Context } from '../context.ts';
import type { Orchestrator } from '../orchestrator/orchestrator.ts';
import type { Workflow } from '../orchestrator/workflow.ts';
import { verifiedGrant } from './carry-out.ts';
import { failureStatements } from './failure.ts';
import { findOperation, type OperationRow, selectByState } from './operation-store.ts';
import { operationIdOf, runIdOf } from './records.ts';

const Pending = z.object({ operation_id: z.string() });

export type Controller = RunningConsumer & {
  /** Starts what is approved and has no run, such as after a message was lost. Idempotent. */
  reconcile(): Promise<void>;
};

/** What is approved for this long without a run is looked at again, milliseconds. */
const lost_after_ms = 30_000;

export async function startController(
  context: Context,
  orchestrator: Orchestrator,
  /** By which run an operation is carried out. */
  workflowOf: (row: OperationRow) => Promise<Workflow>,
): Promise<Controller> {
  const { store, bus, clock, log, signals } = context;

  const start = async (row: OperationRow): Promise<Verdict> => {
    try {
      await verifiedGrant(row, await context.keeper.keys(), clock.now());
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'Forbidden') throw error;
      await store.batch(failureStatements(context, row, error, 'operation.refused'));
      signals.notify('operations', 'events', `operation:${row.id}`);
      return { term: error.message };
    }
    await orchestrator.start(
      await workflowOf(row),
      { operation_id: row.id },
      { run_id: runIdOf(row.id), operation_id: row.id, actor: JSON.parse(row.actor) },
    );
    return 'ack';
  };

  const reconcile = async (age_ms: number) => {
    for (const row of await selectByState(store, 'approved')) {
      if (clock.now() - row.created_at >= age_ms) await start(row);
    }
  };

  // A run that ended has ended its operation in the same write.
  const unlisten = signals.listen((topic) => {
    if (topic.startsWith('run:'))
      signals.notify('operations', `operation:${operationIdOf(topic.slice('run:'.length))}`);
  });
  const consumer = await startConsumer({
    bus,
    log,
    clock,
    stream: stream.pending,
    consumer: 'controller',
    subjects: [pending_subjects],
    start: 'all',
    async handle({ payload }) {
      const parsed = Pending.safeParse(payload);
      if (!parsed.success) return { term: 'The message names no operation.' };
      const row = await findOperation(store, parsed.data.operation_id).catch(() => null);
      if (!row) return { term: 'There is no such operation.' };
      // Cancelled or begun meanwhile.
      return row.state === 'approved' ? start(row) : 'ack';
    },
  });
  await reconcile(0).catch((error: unknown) => log.error({ err: error }, 'what was pending is not started yet'));
  return {
    async stop(within_ms) {
      unlisten();
      await consumer.stop(within_ms);
    },
    reconcile: () => reconcile(lost_after_ms),
  };
}
