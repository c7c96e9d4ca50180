/** The table that the suite ends with, in Markdown, so that a report can hold it as it is. */
import { boundaryNames } from './boundaries.ts';
import { type Point, pointOf, type RunResult } from './round.ts';

export type FaultResult = {
  fault: string;
  runs: number;
  /** What was seen, in words; for what was skipped, why. */
  saw: string;
  settle_ms: number | null;
  outcome: 'held' | 'broken' | 'skipped';
};

export function killRows(runs: readonly RunResult[]): FaultResult[] {
  const points: Point[] = [...boundaryNames, 'any time'];
  return points.flatMap((point) => {
    const own = runs.filter((run) => run.point === point);
    if (own.length === 0) return [];
    const broken = own.filter((run) => run.broken.length > 0);
    return {
      fault: point === 'any time' ? 'kill -9 at any time' : `kill -9 at \`${point}\``,
      runs: own.length,
      saw: broken.length === 0 ? 'all laws hold' : `broken in ${broken.map(({ run }) => `run ${run}`).join(', ')}`,
      settle_ms: Math.max(...own.map(({ settle_ms }) => settle_ms)),
      outcome: broken.length === 0 ? 'held' : 'broken',
    };
  });
}

export function table(rows: readonly FaultResult[]): string {
  const lines = rows.map(({ fault, runs, outcome, settle_ms, saw }) => {
    const seconds = settle_ms === null ? '' : `${(settle_ms / 1000).toFixed(1)} s`;
    return `| ${[fault, runs, outcome, seconds, saw.replaceAll('|', '\\|').replaceAll('\n', ' ')].join(' | ')} |`;
  });
  return [
    '| Fault | Runs | Outcome | Longest until settled | Seen |',
    '| --- | --: | --- | --: | --- |',
    ...lines,
  ].join('\n');
}

/** What a run that settled late had waited for, each with its last moment. */
export function slowRun({ story, waits }: RunResult): string {
  return [`  ${story}`, ...waits.map((wait) => `  until ${wait}`)].join('\n');
}

/** What a broken run leaves to look at, and how it is repeated. */
export function brokenRun(seed: number, { run, story, broken }: RunResult): string {
  const { point, victim } = pointOf(seed, run);
  return [
    `run ${run} (${victim} at ${point}): ${story}`,
    ...broken.map((law) => `  broken: ${law}`),
    `  repeat: npm run chaos -- --seed ${seed} --run ${run}`,
  ].join('\n');
}
