/**
 * One run: a few changes at once, a program killed at a boundary or at any time, everything started again, perhaps one more killed
 * while it recovers; then all must come to its end, and every law hold.
 */
import { setTimeout as after } from 'node:timers/promises';
import { type BoundaryName, boundaryNames, watchBoundary } from './boundaries.ts';
import { askUntilAnswered, makeChanges, startPeople } from './changes.ts';
import { type Installation, until } from './installation.ts';
import {
  type Answered,
  brokenLaws,
  mirroredEntries,
  openRecords,
  type Records,
  servicesOf,
  underWay,
  verifyMirror,
} from './laws.ts';
import { type Victim, victims } from './programs.ts';
import { type Random, randomOf, shuffled } from './random.ts';

export type Point = BoundaryName | 'any time';
export type RunResult = {
  run: number;
  point: Point;
  victim: Victim;
  /** What was asked for, how it was killed, for whoever repeats it. */
  story: string;
  /** From the last start until everything had come to its end. */
  settle_ms: number;
  /** What was waited for in that time, and when. */
  waits: string[];
  broken: string[];
};

const settled_within_ms = 150_000;
const crossed_within_ms = 4_000;

/** Where each run kills: all pairs of a point and a program, in an order of the seed's, again and again. */
export function pointOf(seed: number, run: number): { point: Point; victim: Victim } {
  const points: Point[] = [...boundaryNames, 'any time'];
  const pairs = points.flatMap((point) => victims.map((victim) => ({ point, victim })));
  return shuffled(randomOf(seed), pairs)[(run - 1) % pairs.length]!;
}

/** The newest commit of the mirror that was verified, by installation. */
export type Verified = { commit: string | null; commits: number };

export async function runRound(at: Installation, verified: Verified, seed: number, run: number): Promise<RunResult> {
  const random = randomOf(seed, run);
  const { point, victim } = pointOf(seed, run);
  const changes = await makeChanges(at, random, `r${run}`);
  const story = [changes.map(({ label }) => label).join(' + ')];
  const answers: Answered[] = [];
  const watch = point === 'any time' ? null : watchBoundary(at.files, point);
  const people = startPeople(at);
  const asked = changes.map(async (change) => {
    const answer = await askUntilAnswered(change, settled_within_ms);
    answers.push({ change, isDone: answer === 'done' });
    return answer === 'done' ? [] : [`${change.label}: ${answer.code} ${answer.message}`];
  });
  // Awaited below; a failure before that is none that nobody handles.
  const all = Promise.all(asked);
  all.catch(() => {});
  try {
    await kill(at, random, victim, watch, story);
    let started = performance.now();
    await at.up();
    if (random.chance(0.3)) {
      const [second, wait_ms] = [random.pick(victims), random.below(1_500)];
      await after(wait_ms);
      await at.programs[second].kill();
      story.push(`${second} killed ${wait_ms} ms after the start`);
      started = performance.now();
      await at.up();
    }
    const refused = (await all).flat();
    story.push(...refused);
    const waits = createWaits(started);
    waits.add(['answers to what was asked for']);
    const records = openRecords(at.files);
    try {
      const chained = await settle(at, records, waits);
      const settle_ms = performance.now() - started;
      const broken = [...(await brokenLaws(at, records, answers)), ...(await mirrorLaws(at, chained, verified))];
      return { run, point, victim, story: story.join('; '), settle_ms, waits: waits.told, broken };
    } finally {
      records.close();
    }
  } catch (error) {
    const broken = [(error as Error).message];
    return { run, point, victim, story: story.join('; '), settle_ms: settled_within_ms, waits: [], broken };
  } finally {
    await people.stop();
  }
}

async function kill(
  at: Installation,
  random: Random,
  victim: Victim,
  watch: ReturnType<typeof watchBoundary> | null,
  story: string[],
): Promise<void> {
  const wait_ms = watch ? random.below(2) * random.below(12) : random.below(1_500);
  const pause_ms = random.below(2) * random.below(600);
  const crossed = watch ? await watch.crossed(crossed_within_ms) : true;
  if (wait_ms > 0) await after(wait_ms);
  const killed = at.programs[victim].kill();
  // Closed first, so that nobody but the programs had the files when they are opened again.
  watch?.close();
  await killed;
  story.push(
    `${victim} killed ${crossed ? `${wait_ms} ms after it` : 'though nothing came to it'}, away for ${pause_ms} ms`,
  );
  await after(pause_ms);
}

type Waits = { told: string[]; add(left: readonly string[]): void };
const waits_max = 30;

/** Notes until when each was waited for, milliseconds after `from`. */
function createWaits(from: number): Waits {
  const told: string[] = [];
  let last = '';
  return {
    told,
    add(left) {
      const text = left.join('; ');
      if (text === last) told.pop();
      last = text;
      if (told.length < waits_max) told.push(`${((performance.now() - from) / 1000).toFixed(1)} s: ${text}`);
    },
  };
}

/** Resolves with the number of the chain's newest entry. */
async function settle(at: Installation, records: Records, waits: Waits): Promise<number> {
  let left: string[] = [];
  let chained = 0;
  const isOver = async () => {
    if (left.length > 0) waits.add(left);
    left = underWay(records);
    if (left.length > 0) return false;
    // What the agent runs follows a moment after what it reported: the old release is drained.
    const { servers } = await at.client['servers.list']({});
    const { pending, mirror, head } = await at.client['audit.head']({});
    left = [`the mirror is at ${mirror?.seq} of ${head?.seq}: ${mirror?.problem}`];
    if (pending > 0 || !head || mirror?.seq !== head.seq) return false;
    chained = head.seq;
    left = ['the old release is drained'];
    if (servicesOf(at.folder).length > 1) return false;
    left = ['the server is not there'];
    return servers.some(({ name, state, converged }) => name === 'h1' && state === 'online' && converged);
  };
  await until(isOver, 'everything at its end', settled_within_ms).catch((error: Error) => {
    throw new Error(`${error.message}: ${left.join('; ')}`, { cause: error });
  });
  return chained;
}

/** Every commit is signed, and every entry of the chain up to this one is in the mirror once. */
async function mirrorLaws(at: Installation, chained: number, verified: Verified): Promise<string[]> {
  try {
    const { commit, commits } = verifyMirror(at, verified.commit);
    Object.assign(verified, { commit, commits: verified.commits + commits });
  } catch (error) {
    return [`the mirror does not verify: ${(error as Error).message}`];
  }
  const mirrored = mirroredEntries(at);
  const isWhole = mirrored.every((seq, index) => seq === index + 1);
  return isWhole && mirrored.length >= chained
    ? []
    : [`the mirror has ${mirrored.length} entries of ${chained}, ${isWhole ? 'in order' : 'out of order'}`];
}
