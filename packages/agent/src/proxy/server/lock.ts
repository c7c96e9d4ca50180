/**
 * One proxy a folder: an exclusive lock that the kernel takes back when the process dies in whatever way. SQLite's file
 * lock is the one such lock that Node can take without a native addon; nothing is ever written to the file.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A process that was killed holds its files for a moment longer than it can be seen; its successor waits for that. */
const wait_ms = 1_000;

/** Takes the lock of a folder for the life of the process; false when another process has it. */
export function takeLock(folder: string): boolean {
  const database = new DatabaseSync(join(folder, 'lock'), { timeout: wait_ms });
  try {
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  } catch (error) {
    if (/locked|busy/i.test((error as Error).message)) return false;
    throw error;
  }
  held.push(database);
  return true;
}

/** Keeps the handle reachable: collected, it would give the lock back. */
const held: DatabaseSync[] = [];
