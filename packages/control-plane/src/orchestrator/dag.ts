/** What makes a graph of steps one that can be run: it has steps, every need is there, and no step waits for itself. */
import type { Step } from './workflow.ts';

export const steps_max = 10_000;
export const timeout_seconds_default = 300;
const timeout_seconds_max = 86_400;

/** @throws Error that names the step at fault. */
export function checkSteps(workflow: string, steps: Readonly<Record<string, Step>>): void {
  const fail = (message: string): never => {
    throw new Error(`workflow ${workflow}: ${message}`);
  };
  const keys = Object.keys(steps);
  if (keys.length === 0) fail('it has no steps');
  if (keys.length > steps_max) fail(`${keys.length} steps are more than ${steps_max}`);
  for (const [key, step] of Object.entries(steps)) {
    if (!/^[A-Za-z0-9_.:-]{1,128}$/.test(key)) fail(`"${key}" is no name for a step: letters, digits and _ . : - only`);
    const seen = new Set<string>();
    for (const need of step.needs ?? []) {
      if (!Object.hasOwn(steps, need)) fail(`step "${key}" needs "${need}", which is not there`);
      if (seen.has(need)) fail(`step "${key}" needs "${need}" twice`);
      seen.add(need);
    }
    const { timeout_seconds = timeout_seconds_default, priority = 0 } = step;
    if (!(timeout_seconds > 0 && timeout_seconds <= timeout_seconds_max))
      fail(`step "${key}": timeout_seconds must be more than 0 and at most ${timeout_seconds_max}`);
    if (!Number.isInteger(priority) || Math.abs(priority) > 100) fail(`step "${key}": priority must be −100 to 100`);
    for (const name of ['batch_size', 'max_unavailable'] as const) {
      const bound = step.each?.[name];
      if (bound !== undefined && !(Number.isInteger(bound) && bound >= 1))
        fail(`step "${key}": ${name} must be 1 or more`);
    }
  }
  const cycle = cycleIn(steps);
  if (cycle) fail(`its steps wait for each other: ${cycle.join(' → ')}`);
}

/** A cycle of needs, its first step also last; null where there is none. Not recursive: a chain may be very long. */
export function cycleIn(steps: Readonly<Record<string, { needs?: readonly string[] }>>): string[] | null {
  const done = new Set<string>();
  for (const start of Object.keys(steps)) {
    const path: { key: string; next: number }[] = [{ key: start, next: 0 }];
    const onPath = new Set([start]);
    while (path.length > 0 && !done.has(start)) {
      const top = path.at(-1)!;
      const need = steps[top.key]?.needs?.[top.next++];
      if (need === undefined) {
        done.add(top.key);
        onPath.delete(top.key);
        path.pop();
      } else if (onPath.has(need)) {
        const keys = path.map(({ key }) => key);
        return [...keys.slice(keys.indexOf(need)), need];
      } else if (!done.has(need)) {
        path.push({ key: need, next: 0 });
        onPath.add(need);
      }
    }
  }
  return null;
}

/** Step → the steps that need it. */
export function dependentsOf(steps: Readonly<Record<string, Step>>): Map<string, string[]> {
  const dependents = new Map<string, string[]>();
  for (const [key, { needs = [] }] of Object.entries(steps)) {
    for (const need of needs) dependents.set(need, [...(dependents.get(need) ?? []), key]);
  }
  return dependents;
}
