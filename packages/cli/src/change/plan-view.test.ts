import type { Plan } from '@mainstay/contract/operation';
import { expect, it } from 'vitest';
import { noPaint } from '../terminal/paint.ts';
import { displayWidth } from '../terminal/text.ts';
import { planLines } from './plan-view.ts';

const plan: Plan = {
  summary: 'Change stack shop',
  changes: [
    { action: 'create', path: 'services.new', to: { git: '/r', run: ['a', 'b c'] } },
    { action: 'update', path: 'services.web.commit', from: 'a'.repeat(40), to: 'b'.repeat(40) },
    { action: 'update', path: 'services.web.env.X', from: 'one two', to: 'three' },
    { action: 'delete', path: 'services.old', note: 'stops; its data folder is kept' },
    { action: 'run', path: 'services.api', note: 'restart' },
  ],
  warnings: ['Careful.'],
  hash: 'c'.repeat(64),
};

it('a plan is one line per change, from what to what', () => {
  expect(planLines(plan, { paint: noPaint, width: null })).toEqual([
    'Change stack shop',
    '  + services.new         git: /r, run: ["a","b c"]',
    '  ~ services.web.commit  aaaaaaaaaaaa → bbbbbbbbbbbb',
    '  ~ services.web.env.X   "one two" → three',
    '  - services.old         (stops; its data folder is kept)',
    '  ↻ services.api         (restart)',
    '  ! Careful.',
    `  1 to add, 2 to change, 1 to remove, 1 to run · plan hash ${plan.hash}`,
  ]);
});

it('a plan for several servers says in which waves it goes out', () => {
  const rollout = {
    waves: [
      { count: 1, servers: ['eu-1'] },
      { count: 3, servers: ['eu-2', 'eu-3', 'eu-4'] },
      { count: 40, servers: ['eu-5', 'eu-6', 'eu-7', 'eu-8', 'eu-9'] },
    ],
    pause_seconds: 30,
    max_failed: 1,
  };
  expect(planLines({ ...plan, changes: [], warnings: [], rollout }, { paint: noPaint, width: null })).toContain(
    '  ≋ Goes out in 3 waves: eu-1, then eu-2 eu-3 eu-4, then 40 servers; 30 s between them; stops when 2 fail.',
  );
});

it('no change is wider than the terminal, and none leaves its line', () => {
  const hostile = {
    ...plan,
    changes: [{ action: 'create' as const, path: 'a', to: `x\n\u001b[2J${'y'.repeat(500)}` }],
  };
  const [, line] = planLines(hostile, { paint: noPaint, width: 60 });
  expect(displayWidth(line!)).toBeLessThanOrEqual(60);
  expect(line).not.toContain('\u001b');
});

it('an empty plan says so', () => {
  expect(planLines({ ...plan, changes: [], warnings: [] }, { paint: noPaint, width: 80 })).toEqual([
    'Change stack shop',
    '  Nothing to change.',
  ]);
});
