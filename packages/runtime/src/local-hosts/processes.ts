/** What /proc tells of processes: which of them belong to a host, and whether a remembered pid is still the same process. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { AppError } from '@mainstay/contract/app-error';

/** A process that was started, told apart from a later one with the same pid by the time of its start (clock ticks). */
export type ProcessMark = { pid: number; started: string };

/** The `$0` of the loop that stands above a container: `sh -c <loop> local-host …`. */
export const loopName = 'local-host';

export function markOf(pid: number): ProcessMark | null {
  const started = startOf(pid);
  return started === null ? null : { pid, started };
}

export function isAlive(mark: ProcessMark | null): mark is ProcessMark {
  return mark !== null && startOf(mark.pid) === mark.started;
}

/** Processes below this one, nearest first. */
export function descendantsOf(pid: number): number[] {
  const found: number[] = [];
  for (const child of childrenOf(pid)) found.push(child, ...descendantsOf(child));
  return found;
}

/** Whether the process is the first one of a namespace of processes: the systemd of a container. */
export function isFirstOfNamespace(pid: number): boolean {
  const line = /^NSpid:\s+(.+)$/m.exec(readIfThere(`/proc/${pid}/status`))?.[1]?.split(/\s+/) ?? [];
  return line.length > 1 && line.at(-1) === '1';
}

/** All processes in the same namespace of processes as this one. */
export function companionsOf(pid: number): number[] {
  const namespace = namespaceOf(pid);
  return namespace === null ? [] : allPids().filter((other) => namespaceOf(other) === namespace);
}

/** Processes that hold up hosts below this folder; somebody who only reads a file there is none of them. */
export function holdersOf(folder: string): number[] {
  return allPids().filter((pid) => {
    const argv = readIfThere(`/proc/${pid}/cmdline`).split('\0');
    const isHolder = argv[3] === loopName || /(^|\/)(systemd-nspawn|qemu-system-\w+)$/.test(argv[0] ?? '');
    return isHolder && argv.some((word) => word.includes(`${folder}/`));
  });
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

/** Waits for a condition, looking each `every_ms`. Throws Timeout, saying what was waited for. */
export async function waitFor<Value>(
  what: string,
  look: () => Promise<Value | null> | Value | null,
  options: { timeout_ms: number; every_ms?: number },
): Promise<Value> {
  const end = performance.now() + options.timeout_ms;
  while (true) {
    const value = await look();
    if (value !== null) return value;
    if (performance.now() > end) {
      throw new AppError('Timeout', `Waited ${options.timeout_ms / 1000} s in vain: ${what}.`);
    }
    await new Promise((resolve) => setTimeout(resolve, options.every_ms ?? 30));
  }
}

function childrenOf(pid: number): number[] {
  const text = readIfThere(`/proc/${pid}/task/${pid}/children`).trim();
  return text === '' ? [] : text.split(' ').map(Number);
}

function namespaceOf(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return null;
  }
}

function allPids(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function startOf(pid: number): string | null {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The name stands in brackets and may hold anything; fields count from behind it: state is the first, start the 20th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' || fields[0] === 'Z' ? null : (fields[19] ?? null);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
