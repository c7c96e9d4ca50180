/**
 * All processes of one instance or build, found without cgroups and so without root. A process belongs when
 *   - it is in the session or process group of the leader, or
 *   - the mark stands in the environment that it was started with (finds daemons that left the session), or
 *   - it descends from one that belongs, and carries no mark of another (finds those that emptied their environment).
 * What once belonged, belongs until it ends. Marks name the agent by a digest of its home, so that two agents on one
 * machine never touch each other's processes. What escapes is a process that leaves the session, empties its environment
 * and loses its parent within one interval of the watch; the systemd adapter has no such gap.
 */
import { createHash } from 'node:crypto';
import { realpathSync } from 'node:fs';
import type { Clock } from '@mainstay/runtime/clock';
import { listProcesses, type ProcessRow, readEnvironment, readMemoryBytes, uptimeTicks } from './proc.ts';

/** How often a kill looks again for processes that were born meanwhile, ms. */
const kill_interval_ms = 10;
const kill_timeout_ms = 15_000;
/** A younger process may still be on its way through exec, with the environment of its parent. */
const settled_ticks = 200;

export const mark_names = { agent: 'MAINSTAY_AGENT', instance: 'MAINSTAY_INSTANCE', build: 'MAINSTAY_BUILD' } as const;

export type Mark = { agent: string; id: string; kind: 'instance' | 'build' };

/** What stands for this agent in the marks: a digest of the real path of its home. */
export function agentMark(home: string): string {
  return createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 24);
}

export function markEnvironment(mark: Mark): Record<string, string> {
  return { [mark_names[mark.kind]]: mark.id, [mark_names.agent]: mark.agent };
}

/** Snapshots of all processes. Marks are read once a process; a scan is about 20 µs a process. */
export type ProcessTable = {
  scan(): ProcessRow[];
  markOf(row: ProcessRow): Mark | null;
};

export function createProcessTable(): ProcessTable {
  let marks = new Map<string, Mark | null>();
  return {
    scan() {
      const rows = listProcesses();
      const kept: typeof marks = new Map();
      for (const row of rows) {
        const mark = marks.get(row.key);
        if (mark !== undefined) kept.set(row.key, mark);
      }
      marks = kept;
      return rows;
    },
    markOf(row) {
      const known = marks.get(row.key);
      if (known !== undefined) return known;
      const mark = readMark(row.pid);
      if (mark !== null || uptimeTicks() - row.start_ticks > settled_ticks) marks.set(row.key, mark);
      return mark;
    },
  };
}

function readMark(pid: number): Mark | null {
  const env = readEnvironment(pid);
  const agent = env?.get(mark_names.agent);
  if (!env || agent === undefined) return null;
  for (const kind of ['instance', 'build'] as const) {
    const id = env.get(mark_names[kind]);
    if (id !== undefined) return { agent, id, kind };
  }
  return null;
}

export type ProcessGroup = {
  /** The living processes of it, found in a scan. */
  members(rows?: ProcessRow[]): ProcessRow[];
  /** Sends a signal once to each process that there is now. Gives how many there were. */
  signal(signal: NodeJS.Signals): number;
  /** Kills all of it, again and again until nothing is left; false when something withstood for 15 s (a process in the kernel). */
  kill(): Promise<boolean>;
  /** SIGTERM to all, then SIGKILL to what is left when the time is up or the signal aborts. False as for `kill`. */
  terminate(grace_ms: number, hurry?: AbortSignal): Promise<boolean>;
};

export type ProcessGroupOptions = {
  table: ProcessTable;
  clock: Clock;
  mark: Mark;
  /** The session leader, by pid and start; null where only marks are to count. */
  leader: { pid: number; start_ticks: number } | null;
};

export function createProcessGroup(options: ProcessGroupOptions): ProcessGroup {
  const { table, clock, mark, leader } = options;
  const seen = new Set<string>();
  // A pid is not given out again while a session or group has its number. Once ours was seen empty, the number may
  // come back for strangers, and counts no more.
  let session_ended = leader === null;

  const members = (rows = table.scan()) => {
    if (!session_ended && leader !== null) {
      const inSession = (row: ProcessRow) => row.session === leader.pid || row.group === leader.pid;
      const reused = rows.some((row) => row.pid === leader.pid && row.start_ticks !== leader.start_ticks);
      session_ended = reused || !rows.some(inSession);
    }
    const found = new Set<number>();
    const open: ProcessRow[] = [];
    for (const row of rows) {
      if (row.pid === process.pid) continue;
      const in_session = !session_ended && leader !== null && (row.session === leader.pid || row.group === leader.pid);
      if (in_session || seen.has(row.key) || isSame(table.markOf(row), mark)) found.add(row.pid);
      else open.push(row);
    }
    for (let grown = found.size > 0; grown; ) {
      grown = false;
      for (const row of open) {
        if (found.has(row.pid) || !found.has(row.parent) || table.markOf(row) !== null) continue;
        found.add(row.pid);
        grown = true;
      }
    }
    const belonging = rows.filter((row) => found.has(row.pid));
    seen.clear();
    for (const row of belonging) seen.add(row.key);
    return belonging.filter((row) => !row.dead);
  };

  const signalAll = (signal: NodeJS.Signals) => {
    const rows = members();
    for (const row of rows) sendSignal(row.pid, signal);
    return rows.length;
  };

  const kill = async () => {
    const until = clock.now() + kill_timeout_ms;
    for (;;) {
      // The group first: that is one call to the kernel, in which nothing of it can fork.
      if (!session_ended && leader !== null) sendSignal(-leader.pid, 'SIGKILL');
      if (signalAll('SIGKILL') === 0) return true;
      if (clock.now() >= until) return false;
      await clock.sleep(kill_interval_ms);
    }
  };

  return {
    members,
    signal: signalAll,
    kill,
    async terminate(grace_ms, hurry) {
      const until = clock.now() + grace_ms;
      if (!hurry?.aborted && grace_ms > 0 && signalAll('SIGTERM') === 0) return true;
      // What is stopped would not notice.
      signalAll('SIGCONT');
      for (let wait_ms = 5; clock.now() < until && !hurry?.aborted; wait_ms = Math.min(wait_ms * 2, 200)) {
        await clock.sleep(Math.min(wait_ms, until - clock.now()), hurry);
        if (members().length === 0) return true;
      }
      return kill();
    },
  };
}

function isSame(a: Mark | null, b: Mark): boolean {
  return a !== null && a.id === b.id && a.agent === b.agent && a.kind === b.kind;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone, or another user's; the next scan tells.
  }
}

export type GroupUsage = { processes: number; memory_bytes: number; cpu_seconds: number };

/** What the processes use now. Shares of memory are read of at most 64 of them; beyond, resident memory counts. */
export function usageOf(rows: ProcessRow[], memoryOf = readMemoryBytes): GroupUsage {
  let memory_bytes = 0;
  let cpu_seconds = 0;
  for (const [index, row] of rows.entries()) {
    memory_bytes += index < 64 ? memoryOf(row) : row.resident_bytes;
    cpu_seconds += row.cpu_seconds;
  }
  return { processes: rows.length, memory_bytes, cpu_seconds };
}

/** Which limit the processes exceed, if any, with what they use of it. */
export function limitExceeded(
  rows: ProcessRow[],
  limits: { memory_mb: number | null; processes: number },
): { reason: 'memory_limit' | 'process_limit'; used: number } | null {
  if (rows.length > limits.processes) return { reason: 'process_limit', used: rows.length };
  if (limits.memory_mb === null) return null;
  const memory_max = limits.memory_mb * 1024 * 1024;
  // Resident memory is never less than the share, and costs nothing more to know.
  if (rows.reduce((sum, row) => sum + row.resident_bytes, 0) <= memory_max) return null;
  const used = usageOf(rows).memory_bytes;
  return used > memory_max ? { reason: 'memory_limit', used } : null;
}
