/**
 * Who may read and write the folders of the agent's home. What was built belongs to root and may be read by all; it is
 * reached only through the unit's own view of the home, where other services have none of it. Data belongs to the service.
 * Idempotent, and the folder itself is changed last, so that a change that was cut short is made again.
 */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { Exec } from '@mainstay/runtime/exec';

const timeout_ms = 300_000;

/** The checkout that a folder lies in, `<home>/builds/<id>`; null for a folder elsewhere. */
export function checkoutOf(home: string, directory: string): string | null {
  const builds = `${join(home, 'builds')}/`;
  if (!directory.startsWith(builds)) return null;
  return join(builds, directory.slice(builds.length).split('/')[0]!);
}

/** Gives a checkout to root, readable by all, and takes away what would let somebody else write or become root. */
export async function openCheckout(exec: Exec, checkout: string): Promise<void> {
  const { uid, mode } = statSync(checkout);
  if (uid === 0 && (mode & 0o555) === 0o555) return;
  await must(exec, ['chown', '--recursive', '--no-dereference', '0:0', '--', checkout]);
  await must(exec, [
    'find',
    checkout,
    '-mindepth',
    '1',
    '!',
    '-type',
    'l',
    '-exec',
    'chmod',
    'a+rX,go-w',
    '--',
    '{}',
    '+',
  ]);
  await must(exec, ['chmod', '0755', '--', checkout]);
}

/** Gives a folder with all that is in it to a user. */
export async function giveFolder(exec: Exec, folder: string, uid: number): Promise<void> {
  if (!existsSync(folder) || statSync(folder).uid === uid) return;
  const owner = `${uid}:${uid}`;
  await must(exec, ['find', folder, '-mindepth', '1', '-exec', 'chown', '--no-dereference', owner, '--', '{}', '+']);
  await must(exec, ['chown', '--no-dereference', owner, '--', folder]);
}

async function must(exec: Exec, argv: [string, ...string[]]): Promise<void> {
  const { code, stderr, error } = await exec(argv, { timeout_ms });
  if (code === 0) return;
  const why = (error?.message ?? stderr).trim().slice(0, 500);
  throw new AppError('Unavailable', `The folder ${argv.at(-1)} could not be given to its user: ${why}`, {
    hint: 'The agent must run as root to supervise by systemd, and the disk must not be full.',
  });
}
