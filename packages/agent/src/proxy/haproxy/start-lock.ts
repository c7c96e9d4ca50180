/** One start at a time in a state folder, whoever starts: an exclusive SQLite lock, which the kernel takes back by itself. */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '@mainstay/contract/errors';

const poll_ms = 20;

/** Runs with the lock of a file. Throws AppError `Unavailable` when it cannot be had in time. */
export async function withLock<T>(path: string, wait_ms: number, run: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + wait_ms;
  closeSync(openSync(path, 'a', 0o600));
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!tryLock(database)) {
      if (Date.now() > deadline) throw new AppError('Unavailable', `The lock ${path} could not be had in time.`);
      await sleep(poll_ms);
    }
    return await run();
  } finally {
    database.close();
  }
}

function tryLock(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (/locked|busy/i.test((error as Error).message)) return false;
    throw error;
  }
}
