/**
 * Where the boxes of a run's graph stand: a column for each step that comes after another, left to right. A step stands right of
 * everything that it needs; in a column, steps stand near what they need, so that few lines cross.
 */
import type { StepView } from '@mainstay/contract/operations/runs';

/** More are shown as a list: a picture of them tells nothing. */
export const graph_steps_max = 200;

export const box = { width: 200, height: 62, gap_x: 56, gap_y: 16 } as const;

export type Edge = { from: string; to: string };
export type Placed = { step: StepView; x: number; y: number };
export type RunLayout = { boxes: Placed[]; edges: Edge[]; width: number; height: number };

export function runLayout(nodes: readonly StepView[], edges: readonly Edge[]): RunLayout {
  const keys = new Set(nodes.map(({ key }) => key));
  const known = edges.filter(({ from, to }) => keys.has(from) && keys.has(to));
  const column = columnsOf(nodes, known);
  const count = Math.max(0, ...column.values()) + 1;
  const columns = Array.from({ length: count }, (_, at) => nodes.filter(({ key }) => column.get(key) === at));
  const rows = new Map<string, number>();
  for (const steps of columns) {
    const wanted = new Map(steps.map(({ key }, index) => [key, meanRow(key, known, rows) ?? index]));
    steps.sort((a, b) => (wanted.get(a.key) ?? 0) - (wanted.get(b.key) ?? 0));
    for (const [index, { key }] of steps.entries()) rows.set(key, index - (steps.length - 1) / 2);
  }
  const tallest = Math.max(1, ...columns.map((steps) => steps.length));
  const boxes = nodes.map((step) => ({
    step,
    x: (column.get(step.key) ?? 0) * (box.width + box.gap_x),
    y: ((rows.get(step.key) ?? 0) + (tallest - 1) / 2) * (box.height + box.gap_y),
  }));
  return {
    boxes,
    edges: known,
    width: Math.max(1, columns.length) * (box.width + box.gap_x) - box.gap_x,
    height: tallest * (box.height + box.gap_y) - box.gap_y,
  };
}

/** Length of the longest way to each step. What goes in a circle, which the control plane refuses, stays where it is. */
function columnsOf(nodes: readonly StepView[], edges: readonly Edge[]): Map<string, number> {
  const column = new Map(nodes.map(({ key }) => [key, 0]));
  const left = new Map(nodes.map(({ key }) => [key, 0]));
  const after = new Map<string, string[]>();
  for (const { from, to } of edges) {
    left.set(to, (left.get(to) ?? 0) + 1);
    after.set(from, [...(after.get(from) ?? []), to]);
  }
  const free = nodes.map(({ key }) => key).filter((key) => left.get(key) === 0);
  for (let key = free.pop(); key !== undefined; key = free.pop()) {
    for (const next of after.get(key) ?? []) {
      column.set(next, Math.max(column.get(next) ?? 0, (column.get(key) ?? 0) + 1));
      left.set(next, (left.get(next) ?? 1) - 1);
      if (left.get(next) === 0) free.push(next);
    }
  }
  return column;
}

function meanRow(key: string, edges: readonly Edge[], rows: ReadonlyMap<string, number>): number | null {
  const found = edges.filter(({ to }) => to === key).flatMap(({ from }) => rows.get(from) ?? []);
  return found.length === 0 ? null : found.reduce((sum, row) => sum + row, 0) / found.length;
}
