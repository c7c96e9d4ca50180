/**
 * One agent per home. The lock is an exclusive SQLite lock on a file of its own: the kernel lets go of it when the process
 * ends, however it ends, so that a lock is never left behind.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '@mainstay/contract/errors';

export type HomeLock = { release(): void };

/** A process that was killed holds its files for a moment longer than it can be seen; its successor waits for that. */
const wait_ms = 2_000;

/** Takes the lock of a home. Throws AppError('Conflict') while another agent holds it. */
export function lockHome(home: string): HomeLock {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, 'agent.lock');
  const database = new DatabaseSync(path, { timeout: wait_ms });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    throw new AppError('Conflict', `Another agent runs with the home ${home}.`, {
      hint: 'Stop it first, or give this one another home.',
      cause: error,
    });
  }
  return { release: () => database.close() };
}
