/** Faults one by one, on real processes: each says what it saw, and throws what is not as it should be. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import { createInstallation, type Installation, pause, person, until } from './installation.ts';
import { brokenLaws, openRecords, underWay } from './laws.ts';

export type Fault = {
  fault: string;
  /** Gives what was seen and how long it took to settle. @throws Error that says what is wrong; Skipped */
  run(): Promise<{ saw: string; runs?: number; settle_ms: number | null }>;
};

/** What cannot be tried on this machine, with the reason. */
export class Skipped extends Error {}

const key_of_secret = { stack: 'lone', name: 'ONE' };
const settled_within_ms = 90_000;

/** An installation of its own for a fault; it has to settle and hold every law afterwards. */
async function withInstallation<T>(
  work: (at: Installation) => Promise<T>,
  options: Parameters<typeof createInstallation>[0] = { agent: false },
): Promise<T & { settle_ms: number }> {
  const at = await createInstallation(options);
  let isWhole = false;
  try {
    const seen = await work(at);
    const started = performance.now();
    const records = openRecords(at.files);
    try {
      let left: string[] = [];
      await until(
        async () => {
          left = underWay(records);
          return left.length === 0;
        },
        'everything at its end',
        settled_within_ms,
      ).catch((error: Error) => fail(`${error.message}: ${left.join('; ')}`));
      const settle_ms = performance.now() - started;
      const broken = await brokenLaws(at, records, []);
      if (broken.length > 0) fail(broken.join('; '));
      isWhole = true;
      return { settle_ms, ...seen };
    } finally {
      records.close();
    }
  } finally {
    await at.close(!isWhole);
  }
}

function fail(message: string): never {
  throw new Error(message);
}

async function errorOf(work: Promise<unknown>): Promise<AppError> {
  const error = await work.then(
    () => fail('it was not refused'),
    (caught: unknown) => caught,
  );
  if (error instanceof AppError) return error;
  throw error;
}

async function ended(at: Installation, id: string): Promise<OperationView> {
  return (await at.client['operations.get']({ id, wait_seconds: 30 })).operation;
}

const words = ({ code, message, hint }: AppError) => `${code}: ${message} ${hint ?? ''}`.trim();

async function diskFull() {
  if (process.getuid?.() !== 0) throw new Skipped('a file system of its own can be mounted by root only');
  const mount = execFileSync('mktemp', ['-d', '/tmp/mainstay-chaos-disk-XXXXXX'], { encoding: 'utf8' }).trim();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', mount], { stdio: 'pipe' });
  } catch (error) {
    rmSync(mount, { recursive: true });
    throw new Skipped(`tmpfs cannot be mounted here: ${(error as Error).message.split('\n')[0]}`);
  }
  try {
    const home = join(mount, 'home');
    return await withInstallation(
      async (at) => {
        await at.client['secrets.set']({ ...key_of_secret, value: 'before' });
        const filler = join(mount, 'filler');
        const { bavail, bsize } = statfsSync(mount);
        try {
          writeFileSync(filler, Buffer.alloc(bavail * bsize));
        } catch (error) {
          // The programs took some of it meanwhile: it is full all the same.
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
        // What the write-ahead log still has room for may pass; then nothing does.
        let refused: AppError | null = null;
        for (let at_most = 200; refused === null && at_most > 0; at_most--) {
          refused = await at.client['secrets.set']({ ...key_of_secret, value: 'x'.repeat(60_000) }).then(
            ({ operation }) =>
              operation.state === 'succeeded'
                ? null
                : new AppError('Unavailable', `${operation.state}: ${operation.message}`),
            (error: AppError) => error,
          );
        }
        if (!refused || !/full|keeper/.test(words(refused)))
          fail(`a full disk was told as: ${refused && words(refused)}`);
        if ((await at.client['secrets.list']({ stack: 'lone' })).secrets.length !== 1) fail('reads do not work');
        const started = performance.now();
        rmSync(filler);
        await until(
          async () =>
            (await at.client['secrets.set']({ ...key_of_secret, value: 'after' })).operation.state === 'succeeded',
          'changes again',
          settled_within_ms,
        );
        return { saw: `reads went on; a change: "${words(refused)}"`, settle_ms: performance.now() - started };
      },
      { home, agent: false },
    );
  } finally {
    // Lazily: a child of a program that was ended may still be ending.
    execFileSync('umount', ['--lazy', mount]);
    rmSync(mount, { recursive: true });
  }
}

const lockProgram = `
const { DatabaseSync } = require('node:sqlite');
const database = new DatabaseSync(process.argv[1]);
database.exec('BEGIN IMMEDIATE');
console.log('locked');
setTimeout(() => { database.exec('ROLLBACK'); process.exit(0); }, Number(process.argv[2]));
`;

async function storeLocked() {
  return withInstallation(async (at) => {
    const other = spawn(process.execPath, ['-e', lockProgram, at.files.store, '5000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(other.stdout, 'data');
    const started = performance.now();
    const change = at.client['secrets.set']({ ...key_of_secret, value: 'x', idempotency_key: 'locked' }).then(
      ({ operation }) => operation.state,
      (error: AppError) => (/locked/.test(error.message) ? words(error) : fail(words(error))),
    );
    await at.client['stacks.list']({});
    const read_ms = performance.now() - started;
    if (read_ms > 4_000) fail(`a read waited ${read_ms.toFixed(0)} ms`);
    await once(other, 'exit');
    const told = await change;
    const { operation } = await at.client['secrets.set']({ ...key_of_secret, value: 'x', idempotency_key: 'locked' });
    if ((await ended(at, operation.id!)).state !== 'succeeded') fail(`it is ${operation.state}: ${operation.message}`);
    return {
      saw: `reads went on; the change: "${told}", and asked again it is done once`,
      settle_ms: performance.now() - started,
    };
  });
}

async function keeperAway() {
  return withInstallation(async (at) => {
    await at.programs.keeper.kill();
    const { operation } = await at.client['secrets.set']({ ...key_of_secret, value: 'x' });
    if (operation.state !== 'proposed') fail(`the change is ${operation.state}`);
    for (let second = 0; second < 20; second++) {
      await at.client['stacks.list']({});
      await pause(1_000);
    }
    const { state, message } = (await at.client['operations.get']({ id: operation.id! })).operation;
    if (state !== 'proposed') fail(`the change became ${state} without a keeper`);
    const started = performance.now();
    await at.up();
    if ((await ended(at, operation.id!)).state !== 'succeeded') fail('it was not done when the keeper was back');
    return { saw: `reads went on; the change waited: "${message}"`, settle_ms: performance.now() - started };
  });
}

async function keeperGone() {
  return withInstallation(async (at) => {
    await at.programs.keeper.kill();
    rmSync(join(at.folder, 'keeper.sock'));
    const error = await errorOf(at.client['keeper.keys']({}));
    if (error.code !== 'Unavailable' || !error.hint?.includes('keeper.sock')) fail(`it was told as ${words(error)}`);
    const { operation } = await at.client['secrets.set']({ ...key_of_secret, value: 'x' });
    const { operation: cancelled } = await at.client['operations.cancel']({ id: operation.id! }).catch(
      (refused: AppError) => (refused.code === 'Unavailable' ? { operation } : fail(words(refused))),
    );
    // So that the laws can be asked of the keeper.
    await at.up();
    return { saw: `${words(error)} The change is ${cancelled.state}.` };
  });
}

const approvals_repeated = 10;

async function twoApprovals() {
  return withInstallation(async (at) => {
    const bob = await person(at, 'bob', 'admin');
    for (let turn = 0; turn < approvals_repeated; turn++) {
      const { operation } = await at.client['stacks.apply']({ stack: 'asked', spec: at.spec(`turn-${turn}`) });
      const word = { id: operation.id!, plan_hash: operation.plan.hash };
      const spoken = await Promise.allSettled([at.approver, bob].map((client) => client['operations.approve'](word)));
      if (!spoken.some(({ status }) => status === 'fulfilled')) fail('neither approval was taken');
      const after = await ended(at, operation.id!);
      if (after.state !== 'succeeded' || after.version !== turn + 1)
        fail(`it is ${after.state}, version ${after.version}`);
    }
    return { saw: 'carried out once each', runs: approvals_repeated };
  });
}

async function outdatedPlan() {
  return withInstallation(async (at) => {
    const ask = async (mark: string) =>
      (await at.client['stacks.apply']({ stack: 'asked', spec: at.spec(mark) })).operation;
    const [first, second] = [await ask('one'), await ask('two')];
    const approve = async ({ id, plan }: OperationView) => {
      await at.approver['operations.approve']({ id: id!, plan_hash: plan.hash });
      return ended(at, id!);
    };
    if ((await approve(first)).state !== 'succeeded') fail('the first was not carried out');
    const { state, message } = await approve(second);
    if (state !== 'failed' || !message?.includes('revision 0 to 1')) fail(`the second is ${state}: ${message}`);
    return { saw: message };
  });
}

export const faults: readonly Fault[] = [
  { fault: 'disk full', run: diskFull },
  { fault: 'store locked for 5 s', run: storeLocked },
  { fault: 'keeper away for 20 s', run: keeperAway },
  { fault: 'keeper gone for good', run: keeperGone },
  { fault: 'two approvals at one moment', run: twoApprovals },
  { fault: 'approval of an outdated plan', run: outdatedPlan },
];
