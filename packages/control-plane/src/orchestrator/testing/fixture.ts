/** What the orchestrator's tests stand on: a real store on a temporary file, and orchestrators on it that a test starts and stops. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, silentLogger, systemClock } from '@mainstay/runtime';
import { sql } from 'kysely';
import { createSignals } from '../../signals.ts';
import { openStore, type Store } from '../../store/store.ts';
import { createOrchestrator, type Orchestrator, type OrchestratorOptions } from '../orchestrator.ts';
import { raw } from '../run-sql.ts';
import type { Workflow } from '../workflow.ts';

export type OrchestratorFixture = Awaited<ReturnType<typeof startOrchestratorFixture>>;

export async function startOrchestratorFixture(options: { clock?: Clock } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-runs-'));
  const path = join(folder, 'mainstay.db');
  const store = await openStore(path);
  const clock = options.clock ?? systemClock;
  const signals = createSignals();
  const started: Orchestrator[] = [];
  await sql`create table effects (step text not null, note text)`.execute(store.db);
  return {
    path,
    store,
    clock,
    signals,
    orchestrator(workflows: readonly Workflow[], more: Partial<OrchestratorOptions> = {}): Orchestrator {
      const made = createOrchestrator({
        store,
        clock,
        signals,
        log: silentLogger(),
        workflows,
        random: () => 0.5,
        ...more,
      });
      started.push(made);
      made.work();
      return made;
    },
    /** A row that a step's effect leaves. */
    effect: (step: string, note = '') => ({
      query: raw('insert into effects (step, note) values (?, ?)', [step, note]),
    }),
    effects: () => effectsIn(store),
    clearEffects: raw('delete from effects'),
    steps: (run_id: string) =>
      store.db.selectFrom('run_steps').selectAll().where('run_id', '=', run_id).orderBy('id').execute(),
    events: (run_id: string) =>
      store.db.selectFrom('run_events').selectAll().where('run_id', '=', run_id).orderBy('cursor').execute(),
    async stop() {
      await Promise.all(started.map((one) => one.stop(100)));
      signals.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export async function effectsIn(store: Store): Promise<string[]> {
  const { rows } = await sql<{ step: string }>`select step from effects order by rowid`.execute(store.db);
  return rows.map(({ step }) => step);
}
