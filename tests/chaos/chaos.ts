/**
 * `npm run chaos`: real programs on real files, killed and hindered, and the laws that hold all the same. Ends with a table; exit code 1
 * when a law was broken, with what repeats it.
 *
 *   npm run chaos -- --seed 7 --runs 200    the kills of this seed (by default 200, of a seed that is printed)
 *   npm run chaos -- --seed 7 --run 31      this run alone
 *   npm run chaos -- --lanes 2              installations beside each other (4)
 *   npm run chaos -- --only kills|faults|lab   a part: kills, faults of the programs, faults of real servers in the lab
 *   npm run chaos -- --only lab --away-minutes 60   the panel of the lab is away for so long (2)
 *   npm run chaos -- --only lab --fault 'no panel'   those whose name has these words
 */
import { parseArgs } from 'node:util';
import { clockFaults } from './clock-faults.ts';
import { coveredFaults } from './covered-faults.ts';
import { type Fault, faults, Skipped } from './faults.ts';
import { killSuite } from './kill-suite.ts';
import { labFaults } from './lab-faults.ts';
import { brokenRun, type FaultResult, killRows, slowRun, table } from './table.ts';

/** Of a run that settles later than this it is told what it waited for, milliseconds. */
const slow_ms = 15_000;

const options = readOptions();
const rows: FaultResult[] = [];
const began = performance.now();
console.log(`seed ${options.seed}`);

const has = (part: 'kills' | 'faults' | 'lab') => options.only === undefined || options.only === part;

if (has('kills')) {
  const { runs, kept, commits } = await killSuite({
    ...options,
    onRun(result) {
      const { run, victim, point, settle_ms, broken } = result;
      const verdict = broken.length === 0 ? 'ok' : 'BROKEN';
      console.log(`run ${run}: ${victim} at ${point}: ${verdict}, settled in ${(settle_ms / 1000).toFixed(1)} s`);
      if (broken.length > 0) console.log(brokenRun(options.seed, result));
      else if (settle_ms > slow_ms) console.log(slowRun(result));
    },
  });
  rows.push(...killRows(runs));
  for (const folder of kept) console.log(`state of a broken run: ${folder}`);
  console.log(`${commits} commits of the mirrors verified by git verify-commit`);
}
if (has('faults')) {
  for (const fault of [...faults, ...clockFaults]) rows.push(await resultOf(fault));
  rows.push(...coveredFaults());
}
if (has('lab')) {
  const lab = labFaults(options);
  try {
    const named = lab.faults.filter(({ fault }) => fault.includes(options.fault));
    if (named.length === 0) refuse(`No fault of the lab is named "${options.fault}".`);
    for (const fault of named) rows.push(await resultOf(fault));
  } finally {
    await lab.close();
  }
}
const isBroken = rows.some(({ outcome }) => outcome === 'broken');
console.log(`\n${table(rows)}\n`);
const minutes = ((performance.now() - began) / 60_000).toFixed(1);
console.log(`${isBroken ? 'a law was broken' : 'all laws hold'}; seed ${options.seed}, ${minutes} minutes`);
process.exitCode = isBroken ? 1 : 0;

async function resultOf({ fault, run }: Fault): Promise<FaultResult> {
  try {
    const { runs = 1, saw, settle_ms } = await run();
    console.log(`${fault}: ok`);
    return { fault, runs, saw, settle_ms, outcome: 'held' };
  } catch (error) {
    const outcome = error instanceof Skipped ? 'skipped' : 'broken';
    const saw = (error as Error).message;
    console.log(`${fault}: ${outcome.toUpperCase()}: ${saw}`);
    return { fault, runs: outcome === 'skipped' ? 0 : 1, saw, settle_ms: null, outcome };
  }
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
      runs: { type: 'string', default: '200' },
      run: { type: 'string' },
      lanes: { type: 'string', default: '4' },
      only: { type: 'string' },
      'away-minutes': { type: 'string', default: '2' },
      fault: { type: 'string', default: '' },
    },
  });
  const runs =
    values.run === undefined ? range(numberOf('runs', values.runs, 100_000)) : [numberOf('run', values.run, 100_000)];
  const { only } = values;
  if (only !== undefined && !['kills', 'faults', 'lab'].includes(only)) refuse('--only must be kills, faults or lab.');
  const seed = numberOf('seed', values.seed, 2 ** 31, 0);
  return {
    seed,
    runs,
    lanes: numberOf('lanes', values.lanes, 16),
    only: values.run === undefined ? only : 'kills',
    away_minutes: numberOf('away-minutes', values['away-minutes'], 1_440),
    fault: values.fault,
  };
}

function numberOf(name: string, text: string, most: number, least = 1): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  return refuse(`--${name} must be a whole number from ${least} to ${most}, not "${text}".`);
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function refuse(message: string): never {
  console.error(message);
  process.exit(64);
}
