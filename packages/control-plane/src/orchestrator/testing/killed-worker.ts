/**
 * A worker as a process of its own, that kills itself with -9 right before or after its n-th write: every boundary of a step is one.
 *
 *   node killed-worker.ts PATH RUN_ID WRITE before|after      (WRITE 0: it lives until the run has ended)
 */
import { silentLogger, systemClock } from '@mainstay/runtime';
import * as z from 'zod';
import { createSignals } from '../../signals.ts';
import { openStore } from '../../store/store.ts';
import { createOrchestrator } from '../orchestrator.ts';
import { raw } from '../run-sql.ts';
import { workflow } from '../workflow.ts';

const [path, run_id, write, side] = process.argv.slice(2) as [string, string, string, string];
const store = await openStore(path);
let writes = 0;
const die = (when: string) => {
  if (side === when && writes === Number(write)) process.kill(process.pid, 'SIGKILL');
};
const killing = {
  ...store,
  async batch(statements: Parameters<typeof store.batch>[0]) {
    writes++;
    die('before');
    await store.batch(statements);
    die('after');
  },
};
const effect = (step: string) => ({ query: raw('insert into effects (step, note) values (?, ?)', [step, '']) });
const chain = workflow({ name: 'killed', version: 1, input: z.object({ breaks: z.boolean() }) })
  .step('one', {
    run: ({ step_key, commit }) => commit([effect(step_key)], 1),
    undo: () => store.batch([{ query: raw(`delete from effects where step like '%/one'`) }]),
  })
  .fanOut('two', {
    needs: ['one'],
    each: { list: () => ['a', 'b', 'c'], key: (name) => name, max_unavailable: 2 },
    run: ({ step_key, commit }) => commit([effect(step_key)], 2),
    undo: ({ step_key }) =>
      store.batch([{ query: raw('delete from effects where step = ?', [step_key.replace(/\/undo$/, '')]) }]),
  })
  .step('wait', {
    needs: ['two'],
    run: ({ attempt, park, now }) => (attempt < 2 ? park({ until_ms: now() }) : attempt),
  })
  .step('three', {
    needs: ['wait'],
    run: ({ input, step_key, commit }) => {
      if (input.breaks) throw new Error('It breaks.');
      return commit([effect(step_key)], 3);
    },
  })
  .done();
const runs = createOrchestrator({
  ...{ store: killing, clock: systemClock, signals: createSignals(), log: silentLogger(), workflows: [chain] },
  onEnd: ({ state }) => [effect(`ended ${state}`)],
});
await runs.start(chain, { breaks: run_id.endsWith('1') }, { run_id });
runs.work();
const { state } = await runs.wait(run_id, 60_000);
await runs.stop();
await store.close();
process.stdout.write(state);
