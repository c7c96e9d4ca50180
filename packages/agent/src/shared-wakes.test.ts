import { expect, test } from 'vitest';
import { sharedClock, wakeAfter } from './shared-wakes.ts';

const { sleep } = sharedClock;

test('who waits for about as long as another is woken with it, in one go', async () => {
  const woken: string[] = [];
  // Right behind a tick: all that follow end nearest to the second one from here.
  await sleep(500);
  const first = new Promise<void>((resolve) => {
    wakeAfter(800, () => {
      woken.push('first');
      // What is to be done later in this turn comes after the others.
      queueMicrotask(() => woken.push('after all'));
      resolve();
    });
  });
  wakeAfter(900, () => woken.push('second'));
  wakeAfter(1_000, () => woken.push('third'));
  await first;
  expect(woken).toEqual(['first', 'second', 'third', 'after all']);
});

test('a wait is at most a quarter second shorter than asked', async () => {
  const begin = performance.now();
  await sleep(600);
  // Timers of Node may come a few milliseconds early.
  expect(performance.now() - begin).toBeGreaterThan(330);
});

test('waits of less than half a second are exact', async () => {
  const begin = performance.now();
  await sleep(20);
  expect(performance.now() - begin).toBeGreaterThanOrEqual(18);
});

test('one who takes it back is not woken, not even by another who is woken before', async () => {
  const woken: string[] = [];
  const takeBack = [600, 600].map((ms, index) =>
    wakeAfter(ms, () => {
      woken.push(`${index}`);
      for (const each of takeBack) each();
    }),
  );
  wakeAfter(600, () => woken.push('last'))();
  await sleep(1_200);
  expect(woken).toEqual(['0']);
});

test('an aborted sleep ends at once, and one that was aborted before does not begin', async () => {
  const controller = new AbortController();
  const sleeping = sleep(3_600_000, controller.signal);
  controller.abort();
  await sleeping;
  await sleep(3_600_000, controller.signal);
});

test('who is woken waits again', async () => {
  let turns = 0;
  while (turns < 3) {
    await sleep(500);
    turns++;
  }
  expect(turns).toBe(3);
});
