import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { fakeClock } from '@mainstay/runtime';
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
const forever = () => new Promise<never>(() => {});

describe('a run', () => {
  it('does its steps in the order of their needs, and hands on what they gave', async () => {
    const fixture = await open();
    const sum = workflow({ name: 'sum', version: 1, input: z.object({ a: z.number(), b: z.number() }) })
      .step('double_a', { run: ({ input }) => input.a * 2 })
      .step('double_b', { run: async ({ input }) => input.b * 2 })
      .step('add', {
        needs: ['double_a', 'double_b'],
        run: ({ outputs, run_id, commit }) =>
          commit([fixture.effect(`${run_id}: ${outputs.double_a + outputs.double_b}`)], null),
      })
      .done();
    const runs = fixture.orchestrator([sum]);
    const id = await runs.start(sum, { a: 1, b: 2 });
    expect(await runs.wait(id, 20_000)).toMatchObject({ state: 'succeeded', steps_left: 0 });
    expect(await fixture.effects()).toEqual([`${id}: 6`]);
    await expect(runs.start(sum, { a: 'one' })).rejects.toMatchObject({ code: 'InvalidInput', field: 'input.a' });
  });

  it('that is started twice under one id is one run', async () => {
    const fixture = await open();
    const once = define({ a: { run: ({ commit }) => commit([fixture.effect('a')], 1) } });
    const runs = fixture.orchestrator([once]);
    const run_id = newId('run');
    await Promise.all([runs.start(once, 1, { run_id }), runs.start(once, 2, { run_id })]);
    await runs.wait(run_id, 20_000);
    await runs.start(once, 3, { run_id });
    expect(await fixture.effects()).toEqual(['a']);
    expect(await runs.get(run_id)).toMatchObject({ state: 'succeeded', input: '1' });
  });

  it('begins with the batch that its start stands in, or not at all', async () => {
    const fixture = await open();
    const some = define({ a: { run: () => 1 } });
    const runs = fixture.orchestrator([some]);
    const refused = runs.startStatements(some, null);
    const never = { query: fixture.effect('x').query, rows: 2 };
    await expect(fixture.store.batch([...refused.statements, never])).rejects.toThrow();
    await expect(runs.get(refused.run_id)).rejects.toMatchObject({ code: 'NotFound' });
    const { run_id, statements } = runs.startStatements(some, null);
    await fixture.store.batch(statements);
    runs.wake();
    expect((await runs.wait(run_id, 20_000)).state).toBe('succeeded');
  });

  it('ends in one batch with what its end causes', async () => {
    const fixture = await open();
    const some = define({ a: { run: () => 1 }, b: { needs: ['a'], run: () => 2 } });
    const runs = fixture.orchestrator([some], {
      onEnd: ({ id, state }) => [fixture.effect(`${id} ${state}`)],
      onStep: ({ step, state }) => [fixture.effect(`${step} ${state}`)],
    });
    const id = await runs.start(some, null);
    await runs.wait(id, 20_000);
    expect(await fixture.effects()).toEqual(['a succeeded', 'b succeeded', `${id} succeeded`]);
  });

  it('of 10,000 steps ends, each step done once', async () => {
    const fixture = await open();
    const counts = new Map<string, number>();
    const step = (key: string, needs: string[]): Step => ({
      needs,
      run: () => void counts.set(key, (counts.get(key) ?? 0) + 1),
    });
    const keys = Array.from({ length: 9_998 }, (_, place) => `s${place}`);
    const wide = define({
      first: step('first', []),
      ...Object.fromEntries(keys.map((key) => [key, step(key, ['first'])])),
      last: step('last', keys),
    });
    const runs = fixture.orchestrator([wide]);
    const id = await runs.start(wide, null);
    expect((await runs.wait(id, 25_000)).state).toBe('succeeded');
    expect(counts.size).toBe(10_000);
    expect(Math.max(...counts.values())).toBe(1);
    expect([...counts.keys()].at(-1)).toBe('last');
  });

  it('lets steps of higher priority begin first', async () => {
    const fixture = await open();
    const order: string[] = [];
    const one = define({ a: { run: ({ labels }) => void order.push(labels['name']!) } });
    const runs = fixture.orchestrator([define({ a: { run: forever } }, 'other')], { concurrency: 1 });
    for (const [name, priority] of [
      ['low', -1],
      ['usual', 0],
      ['high', 5],
      ['usual too', 0],
    ] as const)
      await runs.start(one, null, { priority, labels: { name } });
    const late = fixture.orchestrator([one], { concurrency: 1 });
    late.wake();
    await vi.waitFor(() => expect(order).toHaveLength(4), 20_000);
    expect(order).toEqual(['high', 'usual', 'usual too', 'low']);
  });

  it('does no more steps at a time than it is allowed, nor does the process', async () => {
    const fixture = await open();
    let now = 0;
    let most = 0;
    const run = async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 2));
      now--;
    };
    const steps = Object.fromEntries(Array.from({ length: 40 }, (_, place) => [`s${place}`, { run }]));
    const bounded = defineWorkflow({ name: 'bounded', version: 1, input: z.null(), parallelism: 3, steps });
    const free = define(steps, 'free');
    const runs = fixture.orchestrator([bounded, free], { concurrency: 8 });
    expect((await runs.wait(await runs.start(bounded, null), 20_000)).state).toBe('succeeded');
    expect(most).toBe(3);
    expect((await runs.wait(await runs.start(free, null), 20_000)).state).toBe('succeeded');
    expect(most).toBe(8);
  });

  it('fails when a step gives more than 1 MB, or what is not JSON', async () => {
    const fixture = await open();
    const large = define({ a: { run: () => 'x'.repeat(1024 * 1024) } }, 'large');
    const odd = define({ a: { run: () => ({ big: 1n }) } }, 'odd');
    const runs = fixture.orchestrator([large, odd]);
    const first = await runs.wait(await runs.start(large, null), 20_000);
    expect(first.state).toBe('failed');
    expect(JSON.parse(first.error!)).toMatchObject({
      code: 'TooLarge',
      message: 'What the step gave is larger than 1 MB.',
    });
    const second = await runs.wait(await runs.start(odd, null), 20_000);
    expect(JSON.parse(second.error!)).toMatchObject({ message: 'What the step gave is not JSON.' });
  });
});

describe('a step that fails', () => {
  it('is tried again after 10, 20 and 40 seconds, and then no more', async () => {
    const clock = fakeClock();
    const fixture = await open({ clock });
    const tries: number[] = [];
    const flaky = define({
      a: {
        run: ({ now }) => {
          tries.push(now());
          throw new AppError('Unavailable', 'Not now.');
        },
      },
    });
    const runs = fixture.orchestrator([flaky]);
    const id = await runs.start(flaky, null);
    for (const count of [1, 2, 3, 4]) {
      await vi.waitFor(async () => {
        expect(tries).toHaveLength(count);
        expect((await fixture.steps(id))[0]!.state).toBe(count < 4 ? 'parked' : 'failed');
      }, 10_000);
      if (count < 4) {
        await clock.advance(10_000 * 2 ** (count - 1) - 1);
        expect(tries).toHaveLength(count);
        await clock.advance(1);
      }
    }
    await vi.waitFor(async () => expect((await runs.get(id)).state).toBe('failed'), 10_000);
    expect(tries.map((at) => (at - tries[0]!) / 1000)).toEqual([0, 10, 30, 70]);
    const { kinds } = { kinds: (await fixture.events(id)).map(({ kind }) => kind) };
    expect(kinds.filter((kind) => kind === 'step.retry')).toHaveLength(3);
  });

  it('is tried again by the rule for its kind of error, and not at all where the contract says that is of no use', async () => {
    const fixture = await open();
    const tries: string[] = [];
    const failing = (name: string, code: 'NotFound' | 'Conflict' | 'RateLimited'): Step => ({
      retry: { NotFound: { retries: 2, first_ms: 1 }, RateLimited: { retries: 0 } },
      run: () => {
        tries.push(name);
        throw new AppError(code, 'No.');
      },
    });
    const some = { a: failing('a', 'NotFound'), b: failing('b', 'Conflict'), c: failing('c', 'RateLimited') };
    const workflows = Object.entries(some).map(([name, step]) => define({ step }, name));
    const runs = fixture.orchestrator(workflows);
    for (const one of workflows) expect((await runs.wait(await runs.start(one, null), 20_000)).state).toBe('failed');
    expect(tries).toEqual(['a', 'a', 'a', 'b', 'c']);
  });

  it('that never returns is given up, and what it gives late is not taken', async () => {
    const clock = fakeClock();
    const fixture = await open({ clock });
    let late: (value: string) => void = () => {};
    let aborted = false;
    const slow = define({
      a: {
        timeout_seconds: 5,
        retry: { Timeout: { retries: 1, first_ms: 1_000 } },
        run: ({ attempt, signal, commit }) => {
          if (attempt > 1) return commit([fixture.effect('second')], 'second');
          signal.addEventListener('abort', () => (aborted = true));
          return new Promise<string>((resolve) => (late = resolve)).then((note) =>
            commit([fixture.effect(note)], note),
          );
        },
      },
    });
    const runs = fixture.orchestrator([slow]);
    const id = await runs.start(slow, null);
    await vi.waitFor(async () => expect((await fixture.steps(id))[0]!.state).toBe('running'), 10_000);
    await clock.advance(5_000);
    await vi.waitFor(async () => expect((await fixture.steps(id))[0]!.state).toBe('parked'), 10_000);
    expect(aborted).toBe(true);
    late('first, late');
    await clock.advance(1_100);
    await vi.waitFor(async () => expect((await runs.get(id)).state).toBe('succeeded'), 10_000);
    expect(await fixture.effects()).toEqual(['second']);
    expect((await fixture.steps(id))[0]).toMatchObject({ output: '"second"', attempt: 2 });
  });

  it('because the state moved writes nothing of its effect', async () => {
    const fixture = await open();
    const moved = define({
      a: { run: ({ commit }) => commit([fixture.effect('a'), { ...fixture.effect('b'), rows: 2 }], 1) },
    });
    const runs = fixture.orchestrator([moved]);
    const run = await runs.wait(await runs.start(moved, null), 20_000);
    expect(run.state).toBe('failed');
    expect(JSON.parse(run.error!)).toMatchObject({
      code: 'Conflict',
      message: 'The state is another than step a had found.',
    });
    expect(await fixture.effects()).toEqual([]);
  });
});

describe('a run whose step failed for good', () => {
  const chain = (fixture: OrchestratorFixture, undo: (key: string) => void | Promise<void>) =>
    workflow({ name: 'chain', version: 1, input: z.unknown() })
      .step('one', { run: () => 1, undo: ({ step_key }) => undo(step_key) })
      .step('two', { needs: ['one'], run: () => 2 })
      .step('three', {
        needs: ['two'],
        run: ({ commit }) => commit([fixture.effect('three')], { id: 3 }),
        undo: ({ step_key, output }) => undo(`${step_key}=${output.id}`),
      })
      .step('four', {
        needs: ['three'],
        run: (): null => {
          throw new AppError('Conflict', 'Four cannot be.');
        },
        undo: ({ step_key }) => undo(step_key),
      })
      .step('five', { needs: ['four'], run: () => 5 })
      .done();

  it('undoes what was done, the last first, and nothing else', async () => {
    const fixture = await open();
    const undone: string[] = [];
    const failing = chain(fixture, (key) => void undone.push(key));
    const runs = fixture.orchestrator([failing]);
    const run = await runs.wait(await runs.start(failing, null), 20_000);
    expect(run.state).toBe('compensated');
    expect(JSON.parse(run.error!)).toMatchObject({ message: 'Four cannot be.' });
    expect(undone).toEqual([`${run.id}/three/undo=3`, `${run.id}/one/undo`]);
    const steps = await fixture.steps(run.id);
    expect(steps.map(({ key, phase, state }) => `${key} ${phase} ${state}`)).toEqual([
      'one undo succeeded',
      'two do succeeded',
      'three undo succeeded',
      'four do failed',
      'five do skipped',
    ]);
    await expect(runs.retry(run.id)).rejects.toMatchObject({ code: 'Conflict', field: 'id' });
  });

  it('is stuck when an undo fails for good, until a person has it tried again', async () => {
    const fixture = await open();
    const undone: string[] = [];
    let broken = true;
    const failing = chain(fixture, (key) => {
      if (broken) throw new AppError('Internal', 'It cannot be undone.');
      undone.push(key);
    });
    const runs = fixture.orchestrator([failing]);
    const id = await runs.start(failing, null);
    expect((await runs.wait(id, 20_000)).state).toBe('stuck');
    expect(undone).toEqual([]);
    const told = (await fixture.events(id)).find(({ kind }) => kind === 'run.stuck');
    expect(told).toMatchObject({
      step: 'three',
      message: expect.stringContaining('look at why, then retry or cancel'),
    });
    broken = false;
    await runs.retry(id);
    await vi.waitFor(async () => expect((await runs.get(id)).state).toBe('compensated'), 20_000);
    expect(undone).toEqual([`${id}/three/undo=3`, `${id}/one/undo`]);
  });

  it('that is stuck and then cancelled leaves what cannot be undone, and undoes the rest', async () => {
    const fixture = await open();
    const undone: string[] = [];
    const failing = chain(fixture, (key) => {
      if (key.includes('three')) throw new AppError('Internal', 'It cannot be undone.');
      undone.push(key);
    });
    const runs = fixture.orchestrator([failing]);
    const id = await runs.start(failing, null);
    expect((await runs.wait(id, 20_000)).state).toBe('stuck');
    await runs.cancel(id);
    await vi.waitFor(async () => expect((await runs.get(id)).state).toBe('compensated'), 20_000);
    expect(undone).toEqual([`${id}/one/undo`]);
  });

  it('and that left nothing to undo goes on from there when it is retried', async () => {
    const fixture = await open();
    let broken = true;
    const done: string[] = [];
    const failing = define({
      a: { run: () => void done.push('a') },
      b: {
        needs: ['a'],
        run: () => {
          if (broken) throw new AppError('Conflict', 'Not yet.');
          done.push('b');
        },
      },
      c: { needs: ['b'], run: () => void done.push('c') },
    });
    const runs = fixture.orchestrator([failing]);
    const id = await runs.start(failing, null);
    expect((await runs.wait(id, 20_000)).state).toBe('failed');
    broken = false;
    await runs.retry(id);
    await vi.waitFor(async () => expect((await runs.get(id)).state).toBe('succeeded'), 20_000);
    expect(done).toEqual(['a', 'b', 'c']);
  });
});
