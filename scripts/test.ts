/**
 * `npm test`: type checks, lint, and all tests. Ends with one line over all of it: `N passed, N failed, N skipped`, in which
 * each type check and the lint count as one test. What was skipped is said aloud, with the reason.
 *
 * Options are handed on to Vitest, to run a part: `npm test -- packages/agent`.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tally } from './tally-reporter.ts';

const root = join(import.meta.dirname, '..');
const scratch = mkdtempSync(join(tmpdir(), 'mainstay-test-'));
const total: Tally = { passed: 0, failed: 0, skipped: [] };
const minutes = 60_000;

await check('Types', ['tsc', '--noEmit']);
await check('Types of the dashboard', ['tsc', '--noEmit', '-p', 'packages/dashboard']);
await check('Types of the browser tests', ['tsc', '--noEmit', '-p', 'tests/browser']);
await check('Lint and format', ['biome', 'check', '--error-on-warnings', '.']);
await vitest();
rmSync(scratch, { recursive: true, force: true });

for (const { name, reason } of total.skipped) console.log(`skipped: ${name}: ${reason ?? 'no reason given'}`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped.length} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;

/** One program whose exit code is its verdict. */
async function check(label: string, argv: [string, ...string[]]): Promise<void> {
  const ok = await run(label, argv, 5 * minutes);
  if (ok) total.passed++;
  else total.failed++;
}

async function vitest(): Promise<void> {
  const file = join(scratch, 'tally.json');
  const argv: [string, ...string[]] = ['vitest', 'run', '--reporter=default', '--reporter=./scripts/tally-reporter.ts'];
  const ok = await run('Tests', [...argv, ...process.argv.slice(2)], 60 * minutes, { TALLY_FILE: file });
  let tally: Tally;
  try {
    tally = JSON.parse(readFileSync(file, 'utf8')) as Tally;
  } catch {
    tally = { passed: 0, failed: 0, skipped: [] };
  }
  total.passed += tally.passed;
  total.skipped.push(...tally.skipped);
  // Vitest's exit code has the last word: it also fails on what no single test stands for.
  total.failed += ok ? tally.failed : Math.max(tally.failed, 1);
}

function run(
  label: string,
  argv: [string, ...string[]],
  timeout: number,
  env: Record<string, string> = {},
): Promise<boolean> {
  const started = Date.now();
  const [file, ...args] = argv;
  return new Promise((resolve) => {
    const child = spawn(join(root, 'node_modules', '.bin', file), args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout,
      killSignal: 'SIGKILL',
    });
    const end = (why: string | null) => {
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      console.log(`${label}: ${why === null ? 'ok' : `FAILED (${why})`}, ${seconds} s\n`);
      resolve(why === null);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(code === 0 ? null : (signal ?? `exit code ${code}`)));
  });
}
