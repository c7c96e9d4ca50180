/**
 * Locks between processes of one machine. The kernel keeps them (flock), held by a child that ends with its stdin: so a
 * process that dies in the middle of its work leaves no lock behind, and nothing has to judge what is stale.
 */
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '@mainstay/contract/app-error';

/** Does `work` while nobody else holds the lock of this file. Throws Timeout when it is not free within `wait_seconds`. */
export async function withFileLock<Result>(
  file: string,
  work: () => Promise<Result>,
  wait_seconds = 600,
): Promise<Result> {
  await mkdir(dirname(file), { recursive: true });
  const argv = ['-x', '-w', String(wait_seconds), file, 'sh', '-c', 'echo locked; exec cat'];
  const holder = spawn('flock', argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => {
    holder.once('close', () => resolve());
    holder.once('error', () => resolve());
  });
  holder.stdin.on('error', () => {});
  try {
    const locked = new Promise<boolean>((resolve) => holder.stdout.once('data', () => resolve(true)));
    if (!(await Promise.race([locked, ended.then(() => false)]))) {
      throw new AppError('Timeout', `The lock ${file} was not free within ${wait_seconds} s.`, {
        hint: 'Another run holds it; wait until that has ended.',
      });
    }
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}
