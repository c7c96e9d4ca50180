/** What the agent tells of its server: facts that do not change while it runs, and how busy the server is. */
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import * as os from 'node:os';
import type { AgentState, ServerFacts } from '@mainstay/contract/agent-api';
import type { Clock } from '@mainstay/runtime/clock';

export const agent_version = process.env['MAINSTAY_VERSION'] ?? '0.1.0';

/** Told with each heartbeat, and looked for once. */
let known: Omit<ServerFacts, 'supervisor' | 'proxy'> | null = null;

export function serverFacts(supervisor: ServerFacts['supervisor'], proxy: ServerFacts['proxy']): ServerFacts {
  known ??= {
    hostname: os.hostname().slice(0, 255),
    os: osName().slice(0, 255),
    kernel: os.release().slice(0, 255),
    arch: os.arch(),
    cpus: Math.max(1, os.cpus().length),
    memory_bytes: os.totalmem(),
  };
  return { ...known, supervisor, proxy };
}

/** Use of the processors is measured over so long at least, milliseconds: the kernel counts in steps of 10 ms. */
const cpu_window_ms = 5_000;

/** Gives a function that tells how busy the server is; use of the processors from its second call on. */
export function createServerUsage(home: string, clock: Pick<Clock, 'now'>): () => Promise<AgentState['usage']> {
  let before: (CpuTime & { at: number }) | null = null;
  let cpu_fraction: number | null = null;

  const measureCpu = () => {
    const at = clock.now();
    if (before && at >= before.at && at - before.at < cpu_window_ms) return;
    const now = cpuTime();
    const all = now && before ? now.all - before.all : 0;
    cpu_fraction = now && before && all > 0 ? Math.min(1, Math.max(0, (now.busy - before.busy) / all)) : null;
    before = now && { ...now, at };
  };

  return async () => {
    const { blocks, bavail, bsize } = await statfs(home);
    measureCpu();
    return {
      cpu_fraction,
      load1: os.loadavg()[0] ?? 0,
      memory_used_bytes: os.totalmem() - os.freemem(),
      disk_used_bytes: (blocks - bavail) * bsize,
      disk_total_bytes: blocks * bsize,
      agent_rss_bytes: process.memoryUsage.rss(),
    };
  };
}

/** Time of all processors since the start of the machine, in ticks. */
type CpuTime = { busy: number; all: number };

/** The first line of /proc/stat (proc_stat(5)); null on systems that have none. Guest time is in user time already. */
function cpuTime(): CpuTime | null {
  try {
    const stat = readFileSync('/proc/stat', 'latin1');
    const ticks = stat.slice(0, stat.indexOf('\n')).split(/\s+/).slice(1, 9).map(Number);
    const all = ticks.reduce((sum, count) => sum + count, 0);
    const [, , , idle = 0, iowait = 0] = ticks;
    return { busy: all - idle - iowait, all };
  } catch {
    return null;
  }
}

/** PRETTY_NAME of os-release(5). */
function osName(): string {
  try {
    const name = /^PRETTY_NAME="?([^"\n]+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
    return name ?? os.type();
  } catch {
    return os.type();
  }
}
