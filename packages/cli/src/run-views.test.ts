import type { StepView } from '@mainstay/contract/operations/runs';
import { expect, it } from 'vitest';
import { stepLines } from './run-views.ts';
import { noPaint } from './terminal/paint.ts';

const options = { paint: noPaint, width: null, now: 10_000 };

function step(key: string, more: Partial<StepView> = {}): StepView {
  return {
    key,
    parent: null,
    state: 'succeeded',
    attempt: 1,
    failures: 0,
    priority: 0,
    items: null,
    error: null,
    waits_for: null,
    available_at: null,
    started_at: 1_000,
    finished_at: 1_500,
    ...more,
  };
}
const edge = (from: string, to: string) => ({ from, to });

it('every step of a graph stands once, in its order, side by side further in', () => {
  const nodes = [step('plan'), step('left'), step('right'), step('join')];
  const edges = [edge('plan', 'left'), edge('plan', 'right'), edge('left', 'join'), edge('right', 'join')];
  expect(stepLines(nodes, edges, options)).toEqual([
    '  ✓ plan  succeeded  0.5 s',
    '    ✓ left  succeeded  0.5 s',
    '    ✓ right  succeeded  0.5 s',
    '    ✓ join  succeeded  0.5 s  also after left',
  ]);
});

it('what a step waits for, how it failed and when it is tried again is said beside it', () => {
  const error = { code: 'Unavailable' as const, message: 'gone\nand more', correlation_id: 'cor' };
  const nodes = [
    step('first', { state: 'parked', finished_at: null, waits_for: 'stack:shop' }),
    step('second', { state: 'failed', failures: 3, error }),
    step('third', { state: 'waiting', started_at: null, finished_at: null }),
  ];
  expect(stepLines(nodes, [], options)).toEqual([
    '  ⏸ first  parked  9.0 s  waits for stack:shop',
    '  ✗ second  failed  0.5 s  failed 3 ×; gone',
    '  · third  waiting',
  ]);
});

it('a chain of ten thousand steps and a fan-out of as many are shown', () => {
  const many = Array.from({ length: 10_000 }, (_, at) => step(`s${at}`));
  const chain = many.slice(1).map(({ key }, at) => edge(`s${at}`, key));
  expect(stepLines(many, chain, options)).toHaveLength(10_000);
  const items = many.map((node) => ({ ...node, parent: 'all' }));
  const lines = stepLines([step('all', { state: 'expanded', items: 10_000 }), ...items], [], options);
  expect(lines).toHaveLength(10_001);
  expect(lines[1]).toBe('    ✓ s0  succeeded  0.5 s');
});
