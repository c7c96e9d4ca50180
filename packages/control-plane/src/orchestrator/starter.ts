/** Starts that are asked for at the same moment are written together: each still settles by its own fate. */
import type { Clock } from '@mainstay/runtime';
import type { Store } from '../store/store.ts';
import { type NewRun, startedEvents, startRuns } from './starting.ts';

export type Starter = { start(run: NewRun): Promise<string> };

const together_max = 500;

export function createStarter(store: Store, clock: Clock, started: () => void): Starter {
  type Asked = { run: NewRun } & PromiseWithResolvers<string>;
  let asked: Asked[] = [];
  let writing = false;

  async function write(): Promise<void> {
    writing = true;
    while (asked.length > 0) {
      const batch = asked.slice(0, together_max);
      asked = asked.slice(together_max);
      const now = clock.now();
      const runs = batch.map(({ run }) => run);
      try {
        await store.batch([...startRuns(runs, now), startedEvents(runs, now)]);
        for (const { run, resolve } of batch) resolve(run.id);
        started();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    writing = false;
  }
  return {
    start(run) {
      const waiting = { run, ...Promise.withResolvers<string>() };
      asked.push(waiting);
      // Those of this turn go together.
      if (!writing) {
        writing = true;
        queueMicrotask(() => void write());
      }
      return waiting.promise;
    },
  };
}
