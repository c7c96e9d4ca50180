import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';
import { onAbort } from './on-abort.ts';

test('all who wait on a signal are woken once, but for those who let go', () => {
  const controller = new AbortController();
  const woken: string[] = [];
  const letGo = ['a', 'b', 'c'].map((name) => onAbort(controller.signal, () => woken.push(name)));
  letGo[1]!();
  controller.abort();
  controller.abort();
  expect(woken).toEqual(['a', 'c']);
});

test('a signal that everybody let go of can be waited on again', () => {
  const controller = new AbortController();
  const woken: string[] = [];
  onAbort(controller.signal, () => woken.push('first'))();
  const letGo = onAbort(controller.signal, () => woken.push('second'));
  onAbort(controller.signal, () => woken.push('third'));
  letGo();
  letGo();
  controller.abort();
  expect(woken).toEqual(['third']);
});

test('who is woken may let go of others', () => {
  const controller = new AbortController();
  const woken: string[] = [];
  const letGo: (() => void)[] = [];
  letGo.push(
    onAbort(controller.signal, () => {
      for (const each of letGo) each();
    }),
  );
  letGo.push(onAbort(controller.signal, () => woken.push('other')));
  controller.abort();
  expect(woken).toEqual([]);
});

test('a sleep ends by its signal, and at once by one that is aborted', async () => {
  const controller = new AbortController();
  const sleeps = [systemClock.sleep(60_000, controller.signal), systemClock.sleep(60_000, controller.signal)];
  controller.abort();
  await Promise.all([...sleeps, systemClock.sleep(60_000, controller.signal)]);
});
