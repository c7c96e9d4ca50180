/** What the tests of supervisors and builders share: a log sink in a file, waiting for conditions, a look for processes. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Limits } from '@mainstay/contract/stack';
import { isAlive, listProcesses, readEnvironment, readProcess } from './proc.ts';
import type { InstanceSpec, LogLine, LogSink } from './supervisor.ts';

type Entry = { source_id: string; cursor: string; lines: LogLine[] };

/**
 * A sink as the port wants it: lines and cursor are appended to one file in one write, and are there after a crash. `lines`
 * are those of an instance or build, or of one stream of it: `ins_…/stderr`.
 */
export function fileSink(path: string): LogSink & { lines(of: string): string[]; entries(): Entry[] } {
  const entries = (): Entry[] =>
    existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line))
      : [];
  const cursors = new Map(entries().map((entry) => [entry.source_id, entry.cursor]));
  return {
    async write(source_id, lines, cursor) {
      appendFileSync(path, `${JSON.stringify({ source_id, cursor, lines })}\n`);
      cursors.set(source_id, cursor);
    },
    cursor: (source_id) => cursors.get(source_id) ?? null,
    entries,
    lines: (of) => {
      const [id, stream] = of.split('/');
      return entries()
        .filter((entry) => entry.source_id.startsWith(id!))
        .flatMap((entry) => entry.lines.filter((line) => stream === undefined || line.stream === stream))
        .map((line) => line.text);
    },
  };
}

/** Waits for something to become true; what it is stands in the error. */
export async function until<T>(what: string, condition: () => T | Promise<T>, seconds = 25): Promise<NonNullable<T>> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`after ${seconds} s still not: ${what}`);
    await sleep(20);
  }
}

/** The living processes that have this text in their environment. */
export function processesWith(text: string): number[] {
  return listProcesses()
    .filter((row) => !row.dead && [...(readEnvironment(row.pid) ?? [])].some((entry) => entry.join('=') === text))
    .map((row) => row.pid);
}

export function isRunning(pid: number): boolean {
  const row = readProcess(pid);
  return row !== null && isAlive(pid, row.start_ticks);
}

let counter = 0;

export function instanceSpec(given: Partial<InstanceSpec> & Pick<InstanceSpec, 'command'>): InstanceSpec {
  counter += 1;
  const id = `ins_${process.pid.toString(16).padStart(8, '0')}${counter.toString(16).padStart(24, '0')}`;
  return {
    id,
    service: 'api',
    release_id: `rel_${'0'.repeat(24)}`,
    directory: tmpdir(),
    env: {},
    limits: Limits.parse({}),
    stop_timeout_seconds: 2,
    ...given,
  };
}

export function temporaryFolder(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'mainstay-'));
  // Services may run as another user.
  chmodSync(path, 0o755);
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** True where this user may mount a tmpfs, as root may outside of most containers. */
export function canMount(): boolean {
  const folder = temporaryFolder();
  try {
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder.path]).status !== 0) return false;
    return spawnSync('umount', [folder.path]).status === 0;
  } finally {
    folder.remove();
  }
}

/** Runs something on a disk of so many MiB, which is gone afterwards. */
export async function onSmallDisk(path: string, mebibytes: number, run: (path: string) => Promise<void>) {
  mkdirSync(path);
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path]);
  try {
    await run(path);
  } finally {
    spawnSync('umount', ['--lazy', path]);
  }
}
