import type { StepView } from '@mainstay/contract/operations/runs';
import { expect, test } from 'vitest';
import { box, runLayout } from './run-layout.ts';

const step = (key: string): StepView => ({
  key,
  parent: null,
  state: 'waiting',
  attempt: 0,
  failures: 0,
  priority: 0,
  items: null,
  error: null,
  waits_for: null,
  available_at: null,
  started_at: null,
  finished_at: null,
});
const edge = (text: string) => {
  const [from = '', to = ''] = text.split('>');
  return { from, to };
};
const layout = (keys: string, ...edges: string[]) => runLayout([...keys].map(step), edges.map(edge));
const columnOf = ({ boxes }: ReturnType<typeof layout>, key: string) =>
  (boxes.find((placed) => placed.step.key === key)?.x ?? -1) / (box.width + box.gap_x);

test('a step stands right of everything that it needs, however it is listed', () => {
  const found = layout('dcba', 'a>b', 'b>c', 'a>d', 'c>d');
  expect(['a', 'b', 'c', 'd'].map((key) => columnOf(found, key))).toEqual([0, 1, 2, 3]);
});

test('no two boxes stand in one place, and all within the picture', () => {
  const found = layout('abcdefgh', 'a>b', 'a>c', 'a>d', 'b>e', 'c>e', 'd>e', 'e>f', 'e>g');
  expect(new Set(found.boxes.map(({ x, y }) => `${x} ${y}`)).size).toBe(8);
  for (const { x, y } of found.boxes) {
    expect(x).toBeGreaterThanOrEqual(0);
    expect(y).toBeGreaterThanOrEqual(0);
    expect(x + box.width).toBeLessThanOrEqual(found.width);
    expect(y + box.height).toBeLessThanOrEqual(found.height);
  }
});

test('a line to a step that is not shown is left out, and a circle ends', () => {
  expect(layout('ab', 'a>b', 'x>b').edges).toEqual([{ from: 'a', to: 'b' }]);
  expect(layout('ab', 'a>b', 'b>a').boxes).toHaveLength(2);
  expect(layout('').boxes).toEqual([]);
});
