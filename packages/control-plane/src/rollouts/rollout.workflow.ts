/**
 * The run of a change that goes out to several servers: `carry_out` writes the new version and its waves as one; `waves` opens one after the
 * other, each when the one before came through; `finish` ends the operation. When a wave does not come through, or the run is
 * cancelled, the undo of `carry_out` gives all servers again what they had (take-back.ts).
 *
 * Nothing is kept in a step: each looks at the rows and at what servers last reported, so that whoever takes it over goes on with it.
 */
import { AppError } from '@mainstay/contract/errors';
import { idSchema } from '@mainstay/contract/ids';
import * as z from 'zod';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { carryOutStep, observed, settledTopic } from '../operations/change.workflow.ts';
import { findOperation } from '../operations/operation-store.ts';
import type { PlanOf } from '../operations/plans.ts';
import { type Workflow, workflow } from '../orchestrator/workflow.ts';
import { BatchConflict } from '../store/store.ts';
import { endOfRollout } from './rollout-end.ts';
import { admitted, type Seen, seenOf } from './rollout-progress.ts';
import {
  admitWave,
  factsOf,
  findRollout,
  passWave,
  type RolloutRow,
  type RolloutServer,
  rolloutTopic,
  serversOfRollout,
} from './rollout-store.ts';
import { putStates, statesOfRollout } from './state-rollout.ts';
import { takeBack } from './take-back.ts';
import { isFailure, judgeWave, names } from './waves.ts';

const Input = z.strictObject({ operation_id: idSchema('operation') });

/** A rollout must have come to its end within this time: after a day it could not be taken back any more. */
export const rollout_within_ms = 20 * 3_600_000;
/** A store that cannot be written for a while is no reason to take anything back. */
const patient = { Unavailable: { retries: 100, first_ms: 1_000, factor: 1.2 } };
/** Signals may be lost; what servers report is looked at again at the latest then. */
const look_again_ms = 5_000;

export function createRolloutWorkflow(context: Context, planOf: PlanOf): Workflow<typeof Input> {
  const { store, signals } = context;
  return workflow({ name: 'rollout', version: 1, input: Input })
    .step('carry_out', {
      ...carryOutStep(context, planOf, { in_waves: true }),
      undo: async (step) => {
        const until_ms = await takeBack(context, step.input.operation_id, step.run_id, step.log);
        return until_ms === null ? null : step.park({ topic: rolloutTopic(step.input.operation_id), until_ms });
      },
    })
    .fanOut('waves', {
      needs: ['carry_out'],
      retry: patient,
      each: {
        batch_size: 1,
        list: (step) => listWaves(context, step.input.operation_id),
        key: ({ wave }: { wave: number }) => `wave-${wave}`,
      },
      async run(step) {
        const { operation_id } = step.input;
        const { wave } = step.item;
        const rollout = await findRollout(store, operation_id);
        if (rollout?.state !== 'rolling') throw new AppError('Conflict', 'The rollout was stopped.');
        await open(context, rollout, wave, step.log);
        const next = await lookAt(context, rollout, wave, step.log);
        if (next.until_ms === null) return { servers: next.servers };
        return step.park({ topic: rolloutTopic(operation_id), until_ms: next.until_ms });
      },
    })
    .step('finish', {
      needs: ['waves'],
      retry: patient,
      async run(step) {
        const { operation_id } = step.input;
        const rollout = await findRollout(store, operation_id);
        const row = await findOperation(store, operation_id);
        // Its stack had one server, or none, by the time it was carried out.
        if (!rollout) return observed(row) ?? step.park({ topic: settledTopic(operation_id) });
        const end = await endOfRollout(context, row, rollout, 'succeeded', null);
        const committed = await step.commit(end.statements, { state: 'succeeded' });
        signals.notify(...end.signals);
        return committed;
      },
    })
    .done();
}

async function listWaves({ store }: Context, operation_id: string) {
  const waves = new Map<number, string[]>();
  for (const { wave, name } of await serversOfRollout(store, operation_id))
    waves.set(wave, [...(waves.get(wave) ?? []), name]);
  return [...waves].map(([wave, servers]) => ({ wave, servers }));
}

type Log = (message: string) => void;

/** Lets the servers of a wave have the version. */
async function open(context: Context, rollout: RolloutRow, wave: number, log: Log): Promise<void> {
  const rows = await serversOfRollout(context.store, rollout.operation_id);
  const own = rows.filter((one) => one.wave === wave);
  if (own.every(({ admitted_at }) => admitted_at !== null)) return;
  await admit(context, rollout, wave, own);
  log(`Opened for ${names(own, 20)}.`);
  context.signals.notify('operations', ...own.map(({ server_id }) => `desired:${server_id}`));
}

/** Opens a wave, and where states of servers go out makes them those of its servers. */
async function admit(
  context: Context,
  rollout: RolloutRow,
  wave: number,
  own: readonly RolloutServer[],
): Promise<void> {
  const { store, clock } = context;
  const { operation_id, stack_id } = rollout;
  for (let attempt = 1; ; attempt++) {
    const now = clock.now();
    const states = stack_id === '' ? await statesOfRollout(store, operation_id) : null;
    const theirs = states ? own.flatMap(({ server_id }) => states.get(server_id) ?? []) : [];
    const put = states ? await putStates(context, await findOperation(store, operation_id), theirs, now) : [];
    try {
      return await store.batch([admitWave(store, operation_id, wave, now), ...put]);
    } catch (error) {
      // One of them was given another state at this very moment: it is looked at again.
      if (!(error instanceof BatchConflict) || attempt >= 5) throw error;
    }
  }
}

type Next = { until_ms: number | null; servers: Record<string, string> };

/** Whether a wave came through, pause included; otherwise when to look again. Throws what stops the rollout. */
async function lookAt(context: Context, rollout: RolloutRow, wave: number, log: Log): Promise<Next> {
  const { store, clock, signals } = context;
  const now = clock.now();
  const row = await findOperation(store, rollout.operation_id);
  const { pause_seconds, max_failed } = factsOf(rollout);
  const all = await seenOf(context, row, rollout);
  const standings = admitted(all);
  const own = standings.filter((one) => one.wave === wave);
  const before = standings.filter((one) => one.wave < wave && isFailure(one));
  const verdict = judgeWave(own, before, max_failed, now);
  const servers = Object.fromEntries(own.map(({ name, state }) => [name, state]));
  if (verdict.kind === 'stopped') throw new AppError('Conflict', verdict.reason, { hint: hintOf(own, rollout) });
  if (now - rollout.created_at > rollout_within_ms)
    throw new AppError('Timeout', 'The rollout did not come to its end within 20 hours.');
  if (verdict.kind === 'open') return { until_ms: Math.min(verdict.until, now + look_again_ms), servers };
  const waves = Math.max(...all.map((one) => one.wave));
  const passed_at = Math.min(...own.map((one) => one.passed_at ?? now));
  if (own.some((one) => one.passed_at === null)) {
    const message = told(wave, waves, own, verdict);
    log(message);
    await store.batch([
      passWave(store, rollout.operation_id, wave, now),
      insertEvent(store, {
        kind: 'rollout.advanced',
        message: `${factsOf(rollout).what ?? `Version ${rollout.version} of ${row.stack}`}: ${message}`,
        at: now,
        stack: row.stack,
        operation_id: row.id,
      }),
    ]);
    signals.notify('events', 'operations');
  }
  const pause_until = passed_at + pause_seconds * 1_000;
  if (pause_until > now) return { until_ms: Math.min(pause_until, now + look_again_ms), servers };
  return { until_ms: null, servers };
}

function told(
  wave: number,
  waves: number,
  own: readonly Seen[],
  { away, failed }: { away: string[]; failed: string[] },
) {
  const through = own.filter(({ state }) => state === 'succeeded');
  const left = own.filter(({ state }) => state === 'left');
  return [
    `Wave ${wave} of ${waves} came through on ${through.length === 0 ? 'no server' : names(through)}.`,
    ...(away.length > 0 ? [`Offline, and follows when it is back: ${names(away)}.`] : []),
    ...(left.length > 0 ? [`Left the stack meanwhile: ${names(left)}.`] : []),
    ...(failed.length > 0 ? [`Failed, as its settings allow: ${names(failed)}.`] : []),
  ].join(' ');
}

function hintOf(own: readonly Seen[], { stack_id }: RolloutRow): string {
  const left = stack_id === '' ? 'No further wave begins.' : 'What was before is brought back on all servers.';
  return own.find((one) => isFailure(one) && one.hint !== null)?.hint ?? left;
}
