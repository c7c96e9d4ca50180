/** What installing and removing asks of the machine: systemd, packages, root. */
import { existsSync, readlinkSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import { systemExec } from '@mainstay/runtime/exec';
import { hasSystemd } from '../supervisor/systemd/units.ts';

const command_ms = 120_000;
/** Fetching packages takes as long as the mirror takes. */
const packages_ms = 600_000;

/** Runs a command and gives what it printed. Throws AppError with its last words when it fails. */
export async function run(argv: readonly [string, ...string[]], timeout_ms = command_ms): Promise<string> {
  const result = await systemExec(argv, { timeout_ms, env: { DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' } });
  if (result.code === 0) return result.stdout;
  const why = result.error?.message ?? result.killed ?? result.stderr.trim().split('\n').slice(-3).join(' ');
  throw new AppError('Unavailable', `${argv.slice(0, 3).join(' ')} failed: ${why.slice(0, 1_000)}`, {
    hint: 'The message is that of the command; put right what it names, and run this again.',
  });
}

/** Whether a command succeeds; what it prints is not looked at. */
export async function succeeds(argv: readonly [string, ...string[]]): Promise<boolean> {
  return (await systemExec(argv, { timeout_ms: command_ms })).code === 0;
}

/** Properties of a unit as `systemctl show` tells them. */
export async function unitProperties(unit: string, names: readonly string[]): Promise<Record<string, string>> {
  const text = await run(['systemctl', 'show', unit, `--property=${names.join(',')}`]);
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line.includes('='))
      .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  );
}

/** Throws AppError unless this is a machine on which an agent can be installed, by somebody who may. */
export function checkMachine(): void {
  if (process.getuid?.() !== 0) {
    throw new AppError('Forbidden', 'This needs root.', { hint: 'Run it again with sudo in front.' });
  }
  if (process.platform !== 'linux' || !hasSystemd()) {
    throw new AppError(
      'Unavailable',
      'This machine is not run by systemd, by which the agent is started and kept up.',
      {
        hint: 'Use a server with Debian or Ubuntu; in a container, start the agent itself: mainstay-agent run.',
      },
    );
  }
}

/** Installs the Debian packages of programs that are missing; gives the names of those that it installed. */
export async function installMissing(wanted: Readonly<Record<string, string>>): Promise<string[]> {
  const missing = Object.entries(wanted).filter(([program]) => !findProgram(program));
  if (missing.length === 0) return [];
  const names = missing.map(([, name]) => name);
  if (!findProgram('apt-get')) {
    throw new AppError(
      'Unavailable',
      `${names.join(' and ')} is missing, and there is no apt-get here to install it.`,
      {
        hint: `Install it with this system's own package manager, and run this again.`,
      },
    );
  }
  const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...names] as const;
  // Lists of packages that are fresh enough spare the update.
  if (!(await succeeds(install))) {
    await run(['apt-get', 'update', '-q'], packages_ms);
    await run(install, packages_ms);
  }
  return names;
}

/** Path of a program in the PATH that root's services have; null where it is missing. */
export function findProgram(name: string): string | null {
  const folders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path)) ?? null;
}

/** Whether a process still runs an executable that was replaced on disk since it began. */
export function runsOldExecutable(pid: number): boolean {
  try {
    return readlinkSync(`/proc/${pid}/exe`).endsWith(' (deleted)');
  } catch {
    return false;
  }
}
