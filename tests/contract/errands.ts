/**
 * Runs that belong to no operation, as a process before this one left them: of a workflow that the control plane does not know,
 * so that they stay as they are until somebody speaks on them. They are made before the control plane opens its database.
 */
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';
import { createOrchestrator } from '@mainstay/control-plane/orchestrator/orchestrator';
import { workflow } from '@mainstay/control-plane/orchestrator/workflow';
import { createSignals } from '@mainstay/control-plane/signals';
import { openStore } from '@mainstay/control-plane/store/store';
import { silentLogger, systemClock } from '@mainstay/runtime';
import * as z from 'zod';

/** Of each state one to be changed, and one that stays; of those that run, two to be changed. */
export type ErrandIds = {
  running: [string, string, string];
  paused: [string, string];
  failed: [string, string];
};

const errand = workflow({ name: 'errand', version: 1, input: z.strictObject({ fails: z.boolean() }) })
  .step('go', {
    run: ({ input, park }) => {
      if (input.fails) throw new AppError('Conflict', 'The shop was shut.');
      return park({ topic: 'errand' });
    },
  })
  .done();

export async function startErrands(home: string): Promise<ErrandIds> {
  const store = await openStore(join(home, 'mainstay.db'));
  const signals = createSignals();
  const log = silentLogger();
  const orchestrator = createOrchestrator({ store, signals, log, clock: systemClock, workflows: [errand] });
  // Runs are listed by their ids, which have the order of their making only where each has a millisecond of its own.
  const start = async (fails: boolean) => {
    await delay(2);
    return orchestrator.start(errand, { fails });
  };
  const ids: ErrandIds = {
    running: [await start(false), await start(false), await start(false)],
    paused: [await start(false), await start(false)],
    failed: [await start(true), await start(true)],
  };
  for (const id of ids.paused) await orchestrator.pause(id);
  orchestrator.work();
  for (const id of ids.failed) {
    const { state } = await orchestrator.wait(id, 30_000);
    if (state !== 'failed') throw new Error(`the errand is ${state}`);
  }
  await parked(store, ids.running);
  await orchestrator.stop();
  signals.close();
  await store.close();
  return ids;
}

async function parked(store: Awaited<ReturnType<typeof openStore>>, run_ids: readonly string[]): Promise<void> {
  for (let round = 0; round < 300; round += 1) {
    const steps = await store.db.selectFrom('run_steps').select('state').where('run_id', 'in', run_ids).execute();
    if (steps.length === run_ids.length && steps.every(({ state }) => state === 'parked')) return;
    await delay(100);
  }
  throw new Error('the errands have not begun to wait');
}
