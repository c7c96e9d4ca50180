/**
 * How a command of a service becomes an argv and an environment: pure but for the look-up of programs. A list is run as
 * it is; only a text, which its owner wrote as a line for a shell, goes to /bin/sh.
 */
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { Command } from '@mainstay/contract/stack';

export function argvOf(command: Command): [string, ...string[]] {
  if (typeof command === 'string') return ['/bin/sh', '-c', command];
  const [file, ...args] = command;
  return [file!, ...args];
}

/** What every service and build is given; the agent's own variables stay with the agent. */
export function basicEnvironment(): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: process.env['HOME'] ?? '/',
    LANG: process.env['LANG'] ?? 'C.UTF-8',
  };
}

/** The file that execvp(3) would run, or null. */
export function findProgram(file: string, directory: string, path: string): string | null {
  const places = file.includes('/')
    ? [isAbsolute(file) ? file : join(directory, file)]
    : path.split(delimiter).map((folder) => join(isAbsolute(folder) ? folder : join(directory, folder), file));
  return places.find(isProgram) ?? null;
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Refuses a command that cannot start, with an error that names the field. */
export function checkCommand(field: 'run' | 'build', command: Command, directory: string, path: string): void {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory()) {
    throw new AppError('NotFound', `The folder of the service, ${directory}, is not there.`, {
      field: 'source.root',
      hint: 'Check `source.root` in the stack file.',
    });
  }
  const file = argvOf(command)[0];
  if (findProgram(file, directory, path) !== null) return;
  throw new AppError(
    'NotFound',
    `The program "${file.slice(0, 200)}" in \`${field}\` is not there, or is no program.`,
    {
      field,
      hint: file.includes('/')
        ? 'Check the path, from the root directory of the service, and that the file may be executed.'
        : 'Install it on the server, or give its path; a line for a shell must be a text, not a list.',
    },
  );
}

export type Wrappers = { prlimit: string | null; nice: string | null; ionice: string | null };

/** The programs of util-linux and coreutils that set limits and priority before they become the command. */
export function findWrappers(): Wrappers {
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  const find = (file: string) => findProgram(file, '/', path);
  return { prlimit: find('prlimit'), nice: find('nice'), ionice: find('ionice') };
}

export type ResourceLimits = {
  /** Open files. */
  nofile: number | null;
  /** Processes and threads of the user, all of them together; null for root, to whom the kernel does not apply it. */
  nproc: number | null;
};

/** The argv that sets limits, and for builds the lowest useful priority, and then becomes the command: same pid. */
export function wrapCommand(
  argv: readonly [string, ...string[]],
  wrappers: Wrappers,
  limits: ResourceLimits,
  priority: 'normal' | 'low',
): [string, ...string[]] {
  const prefix: string[] = [];
  if (priority === 'low') {
    if (wrappers.nice) prefix.push(wrappers.nice, '-n', '10');
    if (wrappers.ionice) prefix.push(wrappers.ionice, '-t', '-c', '2', '-n', '7');
  }
  if (wrappers.prlimit) {
    prefix.push(wrappers.prlimit, '--core=0');
    if (limits.nofile !== null) prefix.push(`--nofile=${limits.nofile}:`);
    if (limits.nproc !== null) prefix.push(`--nproc=${limits.nproc}`);
    prefix.push('--');
  }
  const [first, ...rest] = [...prefix, ...argv];
  return [first!, ...rest];
}

/**
 * Limits for the kernel to hold. The number of processes that the kernel counts is that of the whole user, threads
 * included, so it is no more than a wall far behind the limit that the watch holds: the present count, four for each
 * process allowed, and room for the others.
 */
export function resourceLimits(processes: number, present: number, is_root: boolean): ResourceLimits {
  const hard = readHardLimits();
  const wall = present + processes * 4 + 2_048;
  return {
    nofile: Math.min(65_536, hard.nofile),
    nproc: is_root || wall >= hard.nproc ? null : wall,
  };
}

function readHardLimits(): { nofile: number; nproc: number } {
  const text = readFileSync('/proc/self/limits', 'utf8');
  const read = (name: string) => {
    const value = new RegExp(`^${name}\\s+\\S+\\s+(\\S+)`, 'm').exec(text)?.[1];
    return value === undefined || value === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(value);
  };
  return { nofile: read('Max open files'), nproc: read('Max processes') };
}
