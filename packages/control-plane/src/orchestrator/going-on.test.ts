import { AppError } from '@mainstay/contract/errors';
import { fakeClock } from '@mainstay/runtime';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { sql } from 'kysely';
import { afterEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { type OrchestratorFixture, startOrchestratorFixture } from './testing/fixture.ts';
import { defineWorkflow, type Step, workflow } from './workflow.ts';

const opened: OrchestratorFixture[] = [];
const open = async (...given: Parameters<typeof startOrchestratorFixture>) => {
  const fixture = await startOrchestratorFixture(...given);
  opened.push(fixture);
  return fixture;
};
afterEach(async () => {
  for (const fixture of opened.splice(0)) await fixture.stop();
});
const define = (steps: Record<string, Step>, name = 'example') =>
  defineWorkflow({ name, version: 1, input: z.unknown(), steps });
const within = { timeout: 20_000, interval: 5 };

describe('a run that is cancelled', () => {
  it('aborts what is under way, begins nothing more, and undoes what was done', async () => {
    const fixture = await open();
    const undone: string[] = [];
    let aborted = false;
    const some = workflow({ name: 'some', version: 1, input: z.null() })
      .step('first', { run: () => 1, undo: () => void undone.push('first') })
      .step('second', {
        needs: ['first'],
        run: ({ signal }) =>
          new Promise<null>((_, reject) => {
            signal.addEventListener('abort', () => {
              aborted = true;
              reject(signal.reason);
            });
          }),
      })
      .step('third', { needs: ['second'], run: () => 3 })
      .done();
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, null);
    await vi.waitFor(async () => expect((await fixture.steps(id))[1]!.state).toBe('running'), within);
    await runs.cancel(id);
    expect((await runs.wait(id, 20_000)).state).toBe('cancelled');
    expect(aborted).toBe(true);
    expect(undone).toEqual(['first']);
    expect((await fixture.steps(id)).map(({ state }) => state)).toEqual(['succeeded', 'cancelled', 'skipped']);
    await expect(runs.cancel(id)).rejects.toMatchObject({ code: 'Conflict', field: 'id' });
  });

  it('also undoes a step that ended although it was told to stop', async () => {
    const fixture = await open();
    const undone: string[] = [];
    let end: (value: null) => void = () => {};
    const some = define({
      a: { run: () => new Promise((resolve) => (end = resolve)), undo: () => void undone.push('a') },
    });
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, null);
    await vi.waitFor(async () => expect((await fixture.steps(id))[0]!.state).toBe('running'), within);
    await runs.cancel(id);
    end(null);
    expect((await runs.wait(id, 20_000)).state).toBe('cancelled');
    expect(undone).toEqual(['a']);
  });
});

describe('a run that is paused', () => {
  it('lets nothing begin until it is resumed, and what was under way ends', async () => {
    const fixture = await open();
    const done: string[] = [];
    let end: (value: null) => void = () => {};
    const some = define({
      a: { run: () => new Promise((resolve) => (end = resolve)) },
      b: { needs: ['a'], run: () => void done.push('b') },
      c: { run: ({ park, attempt }) => (attempt === 1 ? park({ topic: 'c' }) : void done.push('c')) },
    });
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, null);
    const states = async () => (await fixture.steps(id)).map(({ state }) => state).join(' ');
    await vi.waitFor(async () => expect(await states()).toBe('running waiting parked'), within);
    await runs.pause(id);
    fixture.signals.notify('c');
    end(null);
    await vi.waitFor(async () => expect(await states()).toBe('succeeded held held'), within);
    expect(done).toEqual([]);
    await expect(runs.pause(id)).rejects.toMatchObject({ code: 'Conflict' });
    await runs.resume(id);
    expect((await runs.wait(id, 20_000)).state).toBe('succeeded');
    expect(done.sort()).toEqual(['b', 'c']);
  });
});

describe('a step that waits', () => {
  it('takes no place, and begins anew at a signal on its topic', async () => {
    const fixture = await open();
    let isThere = false;
    const waiting = define({ a: { run: ({ park, attempt }) => (isThere ? attempt : park({ topic: 'receipt:1' })) } });
    const other = define({ a: { run: () => 1 } }, 'other');
    const runs = fixture.orchestrator([waiting, other], { concurrency: 1 });
    const id = await runs.start(waiting, null);
    await vi.waitFor(async () => expect((await fixture.steps(id))[0]!.state).toBe('parked'), within);
    expect((await runs.wait(await runs.start(other, null), 20_000)).state).toBe('succeeded');
    isThere = true;
    fixture.signals.notify('receipt:2', 'receipt:1');
    expect((await runs.wait(id, 20_000)).state).toBe('succeeded');
    expect((await fixture.steps(id))[0]!.output).toBe('2');
  });

  it('does not miss a signal that came while it was about to wait', async () => {
    const fixture = await open();
    let isThere = false;
    const waiting = define({
      a: {
        run: ({ park }) => {
          if (isThere) return 1;
          isThere = true;
          fixture.signals.notify('early');
          return park({ topic: 'early' });
        },
      },
    });
    const runs = fixture.orchestrator([waiting]);
    expect((await runs.wait(await runs.start(waiting, null), 20_000)).state).toBe('succeeded');
  });

  it('begins anew at its time, or when a process starts, as its signal may have been lost', async () => {
    const clock = fakeClock();
    const fixture = await open({ clock });
    let tries = 0;
    const timed = define({
      a: {
        run: ({ park, now, attempt }) => {
          tries++;
          return attempt === 1 ? park({ until_ms: now() + 30_000 }) : 1;
        },
      },
    });
    const lost = define({ a: { run: ({ park, attempt }) => (attempt === 1 ? park({ topic: 'lost' }) : 1) } }, 'lost');
    const first = fixture.orchestrator([timed, lost]);
    const id = await first.start(timed, null);
    const other = await first.start(lost, null);
    const state = async (run: string) => (await fixture.steps(run))[0]!.state;
    await vi.waitFor(async () => expect([await state(id), await state(other)]).toEqual(['parked', 'parked']), within);
    await first.stop();
    const second = fixture.orchestrator([timed, lost]);
    expect((await second.wait(other, 20_000)).state).toBe('succeeded');
    await clock.advance(29_000);
    expect(tries).toBe(1);
    await clock.advance(2_000);
    await vi.waitFor(async () => expect(await state(id)).toBe('succeeded'), within);
  });
});

describe('a fan-out', () => {
  type Item = { name: string };
  const rolling = (fixture: OrchestratorFixture, rules: object, run: (item: Item) => unknown, undo?: () => void) =>
    workflow({ name: 'rolling', version: 1, input: z.object({ names: z.array(z.string()) }) })
      .step('prepare', { run: ({ input }) => input.names.map((name) => ({ name })) })
      .fanOut('each', {
        needs: ['prepare'],
        each: { list: ({ outputs }) => outputs.prepare, key: (item) => item.name, ...rules },
        run: async ({ item }) => {
          await run(item);
          return item.name.toUpperCase();
        },
        ...(undo ? { undo } : {}),
      })
      .step('after', {
        needs: ['each'],
        run: ({ outputs, commit }) => commit([fixture.effect(outputs.each.join(','))], null),
      })
      .done();
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

  it('does a step for each item of a list, and hands on what they gave in its order', async () => {
    const fixture = await open();
    const some = rolling(
      fixture,
      {},
      ({ name }) => new Promise((resolve) => setTimeout(resolve, 'gfedcba'.indexOf(name))),
    );
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, { names });
    expect(await runs.wait(id, 20_000)).toMatchObject({ state: 'succeeded', steps_total: 10, steps_left: 0 });
    expect((await runs.wait(await runs.start(some, { names: [] }), 20_000)).state).toBe('succeeded');
    expect(await fixture.effects()).toEqual(['A,B,C,D,E,F,G', '']);
    expect((await fixture.steps(id)).map(({ key }) => key)).toContain('each/c');
  });

  it('in batches begins the next when all of the one before have ended', async () => {
    const fixture = await open();
    const ends = new Map<string, (value: null) => void>();
    const some = rolling(fixture, { batch_size: 3 }, ({ name }) => new Promise((resolve) => ends.set(name, resolve)));
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, { names });
    const underWay = async () =>
      (await fixture.steps(id))
        .filter(({ state, parent }) => state === 'running' && parent)
        .map(({ key }) => key.at(-1));
    await vi.waitFor(async () => expect(await underWay()).toEqual(['a', 'b', 'c']), within);
    ends.get('b')!(null);
    await vi.waitFor(async () => expect(await underWay()).toEqual(['a', 'c']), within);
    ends.get('a')!(null);
    ends.get('c')!(null);
    await vi.waitFor(async () => expect(await underWay()).toEqual(['d', 'e', 'f']), within);
    for (const name of ['d', 'e', 'f']) ends.get(name)!(null);
    await vi.waitFor(async () => expect(await underWay()).toEqual(['g']), within);
    ends.get('g')!(null);
    expect((await runs.wait(id, 20_000)).state).toBe('succeeded');
  });

  it('has no more items under way or failed than may be unavailable', async () => {
    const fixture = await open();
    let now = 0;
    let most = 0;
    const begun: string[] = [];
    const some = rolling(fixture, { max_unavailable: 2, stop_on_failure: false }, async ({ name }) => {
      begun.push(name);
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now--;
      if (name === 'b' || name === 'd') throw new AppError('Conflict', `${name} is broken.`);
    });
    const runs = fixture.orchestrator([some]);
    const run = await runs.wait(await runs.start(some, { names }), 20_000);
    expect(run.state).toBe('failed');
    expect(most).toBe(2);
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  it('stops at the first failure, and undoes the items that were done', async () => {
    const fixture = await open();
    const begun: string[] = [];
    let undone = 0;
    const broken = ({ name }: Item) => {
      begun.push(name);
      if (name === 'c') throw new AppError('Conflict', 'c is broken.');
    };
    const some = rolling(fixture, { max_unavailable: 1 }, broken, () => void undone++);
    const runs = fixture.orchestrator([some]);
    const run = await runs.wait(await runs.start(some, { names }), 20_000);
    expect(run.state).toBe('compensated');
    expect(JSON.parse(run.error!)).toMatchObject({ message: 'c is broken.' });
    expect(begun).toEqual(['a', 'b', 'c']);
    expect(undone).toBe(2);
    expect(await fixture.effects()).toEqual([]);
  });

  it('that need not stop tries the rest, and fails all the same', async () => {
    const fixture = await open();
    const begun: string[] = [];
    const some = rolling(fixture, { stop_on_failure: false }, ({ name }) => {
      begun.push(name);
      if (name === 'a') throw new AppError('Conflict', 'a is broken.');
    });
    const runs = fixture.orchestrator([some], { concurrency: 1 });
    const id = await runs.start(some, { names });
    expect((await runs.wait(id, 20_000)).state).toBe('failed');
    expect(begun).toEqual(names);
  });
});

describe('a worker that is lost', () => {
  it('keeps its steps until its lease ends, and what it gives after that is not taken', async () => {
    const clock = fakeClock();
    const fixture = await open({ clock });
    let late: (value: null) => void = () => {};
    const lateTaken: unknown[] = [];
    const step = (name: string): Step => ({
      run: async ({ commit }) => {
        if (name === 'slow') await new Promise((resolve) => (late = resolve));
        return commit([fixture.effect(name)], name).catch((error: unknown) => {
          lateTaken.push(error);
          throw error;
        });
      },
    });
    // Its own clock stands still, as of a process that is stopped.
    const slow = define({ a: step('slow') });
    const frozen = fixture.orchestrator([slow], { clock: fakeClock(), owner: 'one', lease_ms: 15_000 });
    const id = await frozen.start(slow, null);
    await vi.waitFor(async () => expect((await fixture.steps(id))[0]!.state).toBe('running'), within);
    const other = fixture.orchestrator([define({ a: step('quick') })], { owner: 'two', lease_ms: 15_000 });
    await clock.advance(14_000);
    expect((await fixture.steps(id))[0]).toMatchObject({ state: 'running', lease_owner: 'one', attempt: 1 });
    await vi.waitFor(async () => {
      await clock.advance(5_000);
      expect((await other.get(id)).state).toBe('succeeded');
    }, within);
    late(null);
    await vi.waitFor(() => expect(lateTaken).toHaveLength(1), within);
    expect(lateTaken[0]).toMatchObject({ code: 'Conflict', message: expect.stringContaining('was not written') });
    expect(await fixture.effects()).toEqual(['quick']);
  });
});

describe('a store that cannot be written', () => {
  it('loses nothing: what was done is written once it can be again', async () => {
    const fixture = await open();
    // Another process holds the write lock for longer than a write waits by itself.
    await sql`pragma busy_timeout = 50`.execute(fixture.store.db);
    const other = openSqlite(fixture.path);
    let isLocked = false;
    let times = 0;
    const some = define({
      a: {
        run: () => {
          times++;
          other.exec('begin immediate');
          isLocked = true;
          return 'a';
        },
      },
      b: { needs: ['a'], run: ({ outputs, commit }) => commit([fixture.effect(`b after ${outputs['a']}`)], null) },
    });
    const runs = fixture.orchestrator([some]);
    const id = await runs.start(some, null);
    await vi.waitFor(() => expect(isLocked).toBe(true), within);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await runs.get(id)).state).toBe('running');
    other.exec('rollback');
    other.close();
    expect((await runs.wait(id, 20_000)).state).toBe('succeeded');
    expect(await fixture.effects()).toEqual(['b after a']);
    expect(times).toBe(1);
  });

  it('because it is full does not lose an effect either', async () => {
    const fixture = await open();
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(fixture.store.db);
    const large = 'x'.repeat(900_000);
    const some = define({ a: { run: ({ commit }) => commit([fixture.effect('a', large)], large) } });
    const runs = fixture.orchestrator([some]);
    await sql`pragma max_page_count = ${sql.lit(rows[0]!.page_count + 20)}`.execute(fixture.store.db);
    const id = await runs.start(some, null);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await fixture.effects()).toEqual([]);
    expect((await runs.get(id)).state).toBe('running');
    await sql`pragma max_page_count = 1000000`.execute(fixture.store.db);
    expect((await runs.wait(id, 20_000)).state).toBe('succeeded');
    expect(await fixture.effects()).toEqual(['a']);
    expect((await fixture.steps(id))[0]!.attempt).toBe(1);
  });
});
