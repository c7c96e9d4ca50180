/**
 * Reads of /proc (proc(5)). All of them are synchronous: such a read is a few microseconds of kernel work and never waits
 * for a disk. A process may be gone at any moment, so every read of one gives null, or nothing, in place of an error.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** Clock ticks per second in /proc: USER_HZ, which is 100 on every architecture that Node runs on. */
const ticks_per_second = 100;

/** Bytes a page, from the auxiliary vector (getauxval(3), AT_PAGESZ = 6), whose entries are pairs of 64-bit words. */
const page_bytes = readPageBytes();

function readPageBytes(): number {
  const words = new BigUint64Array(new Uint8Array(readFileSync('/proc/self/auxv')).buffer);
  for (let i = 0; i + 1 < words.length; i += 2) if (words[i] === 6n) return Number(words[i + 1]);
  return 4_096;
}

export type ProcessRow = {
  /** Pid and start time: the identity of a process. */
  key: string;
  pid: number;
  parent: number;
  group: number;
  session: number;
  /** Clock ticks since boot. */
  start_ticks: number;
  /** Ended, but not yet waited for by its parent. */
  dead: boolean;
  threads: number;
  /** Of the process and of its children that ended. */
  cpu_seconds: number;
  /** Resident pages, shared ones included. */
  resident_bytes: number;
};

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** Parses a line of /proc/<pid>/stat. The name, in parentheses, may itself hold spaces and parentheses. */
export function parseStat(text: string): ProcessRow | null {
  const name_end = text.lastIndexOf(')');
  const pid = Number.parseInt(text, 10);
  if (name_end < 0 || !Number.isInteger(pid)) return null;
  // The first of these is field 3 of the manual page.
  const fields = text.slice(name_end + 2).split(' ');
  const field = (number: number) => Number(fields[number - 3]);
  return {
    key: `${pid}/${field(22)}`,
    pid,
    parent: field(4),
    group: field(5),
    session: field(6),
    start_ticks: field(22),
    dead: fields[0] === 'Z' || fields[0] === 'X' || fields[0] === 'x',
    threads: field(20),
    cpu_seconds: (field(14) + field(15) + field(16) + field(17)) / ticks_per_second,
    resident_bytes: Math.max(0, field(24)) * page_bytes,
  };
}

export function readProcess(pid: number): ProcessRow | null {
  const text = readText(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/** True while exactly this process, not a later one of the same pid, is alive. */
export function isAlive(pid: number, start_ticks: number): boolean {
  const row = readProcess(pid);
  return row !== null && !row.dead && row.start_ticks === start_ticks;
}

export function listProcesses(): ProcessRow[] {
  const rows: ProcessRow[] = [];
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 49 || first > 57) continue;
    const row = readProcess(Number(name));
    if (row !== null) rows.push(row);
  }
  return rows;
}

/** Threads of all processes of a user, which is what RLIMIT_NPROC counts. */
export function countThreadsOfUser(uid: number): number {
  return listProcesses().reduce(
    (sum, row) => (statSync(`/proc/${row.pid}`, { throwIfNoEntry: false })?.uid === uid ? sum + row.threads : sum),
    0,
  );
}

export function readBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** Seconds since boot, as `start_ticks` counts them. */
export function uptimeTicks(): number {
  return Number.parseFloat(readText('/proc/uptime') ?? '0') * ticks_per_second;
}

/** The environment that a process was started with; null when it is gone or not ours to read. */
export function readEnvironment(pid: number): Map<string, string> | null {
  const text = readText(`/proc/${pid}/environ`);
  if (text === null) return null;
  const env = new Map<string, string>();
  for (const entry of text.split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0) env.set(entry.slice(0, equals), entry.slice(equals + 1));
  }
  return env;
}

/** Memory that the process is to answer for: its proportional share (PSS), so that pages shared after a fork count once. */
export function readMemoryBytes(row: ProcessRow): number {
  const share = /^Pss:\s+(\d+) kB/m.exec(readText(`/proc/${row.pid}/smaps_rollup`) ?? '');
  if (share) return Number(share[1]) * 1024;
  const own = /^RssAnon:\s+(\d+) kB/m.exec(readText(`/proc/${row.pid}/status`) ?? '');
  return own ? Number(own[1]) * 1024 : row.resident_bytes;
}

/**
 * Reads of memory as above, but for processes whose resident memory is, within a hundredth, what it was at their last read: the kernel
 * walks all pages of a process to tell its share.
 */
export function createMemoryReader(): (row: ProcessRow) => number {
  const known = new Map<string, { resident_bytes: number; share: number }>();
  return (row) => {
    const before = known.get(row.key);
    const moved =
      before === undefined ? Number.POSITIVE_INFINITY : Math.abs(row.resident_bytes - before.resident_bytes);
    if (before && moved <= before.resident_bytes / 100) return before.share;
    if (known.size >= remembered_max) known.clear();
    const share = readMemoryBytes(row);
    known.set(row.key, { resident_bytes: row.resident_bytes, share });
    return share;
  };
}

const remembered_max = 256;

/** TCP ports that any of these processes listens on, in the network namespace of each. Ascending. */
export function readListeningPorts(pids: readonly number[]): number[] {
  const ports = new Set<number>();
  const tables = new Map<string, Map<string, number>>();
  for (const pid of pids) {
    try {
      const namespace = readlinkSync(`/proc/${pid}/ns/net`);
      const listeners = tables.get(namespace) ?? readListeners(pid);
      tables.set(namespace, listeners);
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const port = listeners.get(readLink(`/proc/${pid}/fd/${fd}`));
        if (port !== undefined) ports.add(port);
      }
    } catch {
      // It ended meanwhile, or is not ours to look into.
    }
  }
  return [...ports].sort((a, b) => a - b);
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** `socket:[inode]` → port, of the sockets in state LISTEN (0A) that the process could see. */
function readListeners(pid: number): Map<string, number> {
  const listeners = new Map<string, number>();
  for (const file of ['tcp', 'tcp6']) {
    for (const line of (readText(`/proc/${pid}/net/${file}`) ?? '').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[3] !== '0A') continue;
      const port = Number.parseInt(columns[1]?.split(':')[1] ?? '', 16);
      listeners.set(`socket:[${columns[9]}]`, port);
    }
  }
  return listeners;
}
