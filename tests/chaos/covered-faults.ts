/** Faults inside one program, which tests beside its code make: those tests are run, and their outcome is a line of the table. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultResult } from './table.ts';

type Covered = { fault: string; file: string; title: string };

const orchestrator = 'packages/control-plane/src/orchestrator';
const covered: readonly Covered[] = [
  {
    fault: 'a DAG with a cycle',
    file: `${orchestrator}/workflow.test.ts`,
    title: 'a workflow with a cycle is refused, and the cycle is named',
  },
  {
    fault: 'a run of 10,000 steps',
    file: `${orchestrator}/runs.test.ts`,
    title: 'a run of 10,000 steps ends, each step done once',
  },
  {
    fault: 'a step that never returns',
    file: `${orchestrator}/runs.test.ts`,
    title: 'a step that fails that never returns is given up, and what it gives late is not taken',
  },
  {
    fault: 'a compensation that fails',
    file: `${orchestrator}/runs.test.ts`,
    title: 'a run whose step failed for good is stuck when an undo fails for good, until a person has it tried again',
  },
  {
    fault: 'kill -9 of workers at any write of a run',
    file: `${orchestrator}/kill.test.ts`,
    title: 'a run whose workers are killed at any write ends, and no step takes effect twice',
  },
  {
    fault: 'kill -9 of the chainer at any point',
    file: 'packages/control-plane/src/audit/chainer.test.ts',
    title: 'a chainer that is killed at any point leaves entries that wait, and nothing else',
  },
  {
    fault: 'kill -9 of the mirror at any point',
    file: 'packages/control-plane/src/audit/mirror.test.ts',
    title: 'the audit mirror killed at any point has every entry once when it goes on',
  },
];

type Report = { testResults: { assertionResults: { fullName: string; status: string; duration?: number | null }[] }[] };

/** Runs the tests; one that is not found, or did not pass, is broken. */
export function coveredFaults(): FaultResult[] {
  const root = join(import.meta.dirname, '..', '..');
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-chaos-covered-'));
  const file = join(folder, 'report.json');
  const files = [...new Set(covered.map((one) => one.file))];
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  spawnSync(process.execPath, [vitest, 'run', '--reporter=json', `--outputFile=${file}`, ...files], {
    cwd: root,
    stdio: 'ignore',
    timeout: 600_000,
  });
  let report: Report = { testResults: [] };
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch {
    // Without a report every line below says that its test did not pass.
  }
  rmSync(folder, { recursive: true });
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  return covered.map(({ fault, file: at, title }) => {
    const test = tests.find(({ fullName }) => fullName.trim() === title);
    const passed = test?.status === 'passed';
    return {
      fault,
      runs: 1,
      saw: `test "${title}" (${at})${passed ? '' : `: ${test?.status ?? 'not found'}`}`,
      settle_ms: test?.duration ?? null,
      outcome: passed ? 'held' : 'broken',
    };
  });
}
