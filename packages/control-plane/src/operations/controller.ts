import type { Context } from '../context.ts';
import { createRounds, type Rounds } from '../rounds.ts';
import { carryOut } from './carry-out.ts';
import { failureStatements, toldError } from './failure.ts';
import { selectByState } from './operation-store.ts';
import type { PlanOf } from './plans.ts';

export function createController(context: Context, planOf: PlanOf): Rounds {
  const round = async () => {
    for (const row of await selectByState(context.store, 'approved')) {
      try {
        const { statements, signals } = await carryOut(context, planOf, row);
        await context.store.batch(statements);
        context.signals.notify(...signals);
      } catch (error) {
        await context.store.batch(failureStatements(context, row, toldError(error)));
        context.signals.notify('operations', 'events', `operation:${row.id}`);
      }
    }
  };
  return createRounds(() => round().catch((error: unknown) => context.log.error({ err: error }, 'controller')), 1);
}
