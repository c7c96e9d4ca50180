/**
 * Schedules start runs at times: a cron expression in a time zone (croner: five fields, or six with seconds). The run's id follows from the
 * schedule and the planned time, and the schedule moves on in the batch that starts it, so that no time starts two runs, whoever looks.
 * Times that passed while nobody looked start one run, not many.
 */
import { createHash } from 'node:crypto';
import { AppError } from '@mainstay/contract/errors';
import { idPrefixes, newId } from '@mainstay/contract/ids';
import type { Clock, Logger } from '@mainstay/runtime';
import { Cron } from 'croner';
import type { Selectable } from 'kysely';
import { BatchConflict, type Statement, type Store } from '../store/store.ts';
import type { Orchestrator } from './orchestrator.ts';
import type { OrchestratorTables } from './orchestrator-tables.ts';
import type { Workflow } from './workflow.ts';

export type ScheduleRow = Selectable<OrchestratorTables['schedules']>;

export type NewSchedule = {
  name: string;
  cron: string;
  /** IANA name, such as `Europe/Berlin`. */
  time_zone: string;
  workflow: string;
  input: unknown;
  enabled?: boolean;
};

/** The first time after one, UTC milliseconds; null when there is none. @throws AppError InvalidInput that names the field. */
export function nextTime(cron: string, time_zone: string, after_ms: number): number | null {
  try {
    new Intl.DateTimeFormat('en', { timeZone: time_zone });
  } catch (cause) {
    throw new AppError('InvalidInput', `There is no time zone "${time_zone.slice(0, 64)}".`, {
      field: 'time_zone',
      hint: 'Give an IANA name, such as Europe/Berlin or UTC.',
      cause,
    });
  }
  try {
    // Paused from the beginning: it only computes, and sets no timer.
    const times = new Cron(cron, { timezone: time_zone, paused: true });
    return times.nextRun(new Date(after_ms))?.getTime() ?? null;
  } catch (cause) {
    throw new AppError('InvalidInput', `"${cron.slice(0, 100)}" is no cron expression.`, {
      field: 'cron',
      hint: 'Minute, hour, day of the month, month, day of the week, such as 30 4 * * 1-5.',
      cause,
    });
  }
}

/** A new schedule, as a statement; its name must be free. @throws AppError InvalidInput. */
export function insertSchedule(store: Store, schedule: NewSchedule, now: number): { id: string; statement: Statement } {
  const id = newId('schedule', now);
  const { name, cron, time_zone, workflow, input, enabled = true } = schedule;
  const row = {
    ...{ id, name, cron, time_zone, workflow, input: JSON.stringify(input ?? null), enabled: enabled ? 1 : 0 },
    next_at: nextTime(cron, time_zone, now),
    ...{ last_at: null, last_run_id: null, error: null, rev: 1, created_at: now },
  };
  return { id, statement: { query: store.db.insertInto('schedules').values(row) } };
}

/** The same for the same time of the same schedule. */
export function scheduledRunId(schedule_id: string, planned_at: number): string {
  const digest = createHash('sha256').update(`${schedule_id}/${planned_at}`).digest('hex');
  // In front stands the time, as in all ids, so that they sort by it.
  return `${idPrefixes.run}_${planned_at.toString(16).padStart(12, '0')}${digest.slice(0, 20)}`;
}

const due_max = 100;

/** Starts what is due. To be called every second or so. */
export async function startDue(options: {
  store: Store;
  clock: Clock;
  log: Logger;
  orchestrator: Orchestrator;
}): Promise<string[]> {
  const { store, clock, log, orchestrator } = options;
  const now = clock.now();
  const rows = await store.db
    .selectFrom('schedules')
    .selectAll()
    .where('enabled', '=', 1)
    .where('next_at', '<=', now)
    .orderBy('next_at')
    .limit(due_max)
    .execute();
  const started: string[] = [];
  for (const row of rows) {
    const planned_at = row.next_at!;
    const next_at = nextTime(row.cron, row.time_zone, now);
    const run_id = scheduledRunId(row.id, planned_at);
    const moved = (set: Partial<ScheduleRow>): Statement => ({
      query: store.db
        .updateTable('schedules')
        .set({ next_at, rev: row.rev + 1, ...set })
        .where('id', '=', row.id)
        .where('rev', '=', row.rev),
      rows: 1,
    });
    try {
      const workflow = newest(orchestrator.workflows, row.workflow);
      if (!workflow) throw new AppError('NotFound', `There is no workflow "${row.workflow}".`);
      const start = { run_id, schedule_id: row.id, labels: { schedule: row.name } };
      const { statements } = orchestrator.startStatements(workflow, JSON.parse(row.input), start);
      await store.batch([moved({ last_at: planned_at, last_run_id: run_id, error: null }), ...statements]);
      started.push(run_id);
    } catch (error) {
      // Another process was quicker.
      if (error instanceof BatchConflict) continue;
      if (!(error instanceof AppError) || error.code === 'Unavailable') throw error;
      log.error({ err: error, schedule: row.name }, 'a schedule could not start its run');
      await store.batch([moved({ error: error.message })]).catch(() => {});
    }
  }
  if (started.length > 0) orchestrator.wake();
  return started;
}

function newest(workflows: ReadonlyMap<string, Workflow>, name: string): Workflow | undefined {
  return [...workflows.values()].filter((one) => one.name === name).sort((a, b) => b.version - a.version)[0];
}
