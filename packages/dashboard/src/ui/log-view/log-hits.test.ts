import { expect, it, vi } from 'vitest';
import { patternOf } from './line-text.ts';
import { createHitFinder } from './log-hits.ts';
import type { LogLine } from './log-window.ts';

const lines = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => {
    const cursor = from + index;
    return { cursor, text: cursor % 100 === 0 ? `\u001b[31mERR\u001b[0mOR ${cursor}` : `fine ${cursor}` } as LogLine;
  });
const hundreds = (from: number, to: number) =>
  lines(from, to).flatMap(({ cursor }) => (cursor % 100 === 0 ? [cursor] : []));

it('finds each line once while the window grows, shrinks and moves', async () => {
  const finder = createHitFinder();
  const complete = () => vi.waitFor(() => expect(finder.hits().is_complete).toBe(true), { timeout: 10_000 });
  const look = async (from: number, to: number, search = 'error') => {
    finder.look(lines(from, to), patternOf(search));
    await vi.waitFor(() => expect(finder.hits().cursors).toEqual(search === 'error' ? hundreds(from, to) : []), {
      timeout: 10_000,
    });
    await complete();
  };
  await look(20_000, 30_000);
  await look(20_000, 30_200);
  await look(5_000, 30_200);
  await look(9_000, 26_000);
  await look(5_000, 30_200);
  await look(100_000, 100_900);
  await look(100_000, 100_900, 'nowhere');
  finder.look(lines(1, 500), null);
  await vi.waitFor(() => expect(finder.hits()).toEqual({ cursors: [], is_complete: true }), { timeout: 10_000 });
  finder.close();
});
