/**
 * One `mainstay up` per home. The lock is an exclusive SQLite lock on a file of its own: the kernel lets go of it when the
 * process ends, however it ends.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';
import type { HomeLayout } from './installation.ts';

export type HomeLock = { release(): void };

/** A process that was killed holds its files for a moment longer than it can be seen; its successor waits for that. */
const wait_ms = 1_000;

/** Makes the home where there is none and takes its lock. Throws Conflict while another `up` holds it. */
export function lockHome(layout: HomeLayout): HomeLock {
  const pidFile = `${layout.lock}.pid`;
  try {
    makeFolder(layout.home);
    const database = new DatabaseSync(layout.lock, { timeout: wait_ms });
    try {
      database.exec('PRAGMA locking_mode = EXCLUSIVE');
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database.close();
      throw error;
    }
    writeFileSync(pidFile, `${process.pid}\n`);
    return { release: () => database.close() };
  } catch (error) {
    if (/locked/.test(String(error))) {
      throw new AppError('Conflict', `Mainstay runs already with this home: ${layout.home}${holder(pidFile)}.`, {
        field: 'home',
        hint: 'Use that one, stop it with Ctrl-C, or start another with --home, --port and --proxy-port.',
        cause: error,
      });
    }
    throw new AppError('Unavailable', `The home cannot be used: ${(error as Error).message}`, {
      field: 'home',
      hint: `Check that ${layout.home} can be written by this user, or choose another folder with --home.`,
      cause: error,
    });
  }
}

/** Like `recursive`, which in Node 24 never returns where the parent is there and refuses with ENOENT, as /proc does. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function holder(pidFile: string): string {
  try {
    return ` (process ${Number.parseInt(readFileSync(pidFile, 'utf8'), 10)})`;
  } catch {
    return '';
  }
}
