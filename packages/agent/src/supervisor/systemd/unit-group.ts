/**
 * All processes of a unit, as its cgroup has them: nothing leaves it, whatever it does to its session, parent or environment.
 * Works with both versions of cgroups; figures that only version 2 has are else made of those in /proc.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@mainstay/runtime/clock';
import { createMemoryReader, type ProcessRow, readProcess } from '../proc.ts';
import { type GroupUsage, type ProcessGroup, usageOf } from '../process-group.ts';
import { slice } from './sandbox.ts';
import type { Units } from './units.ts';

/** Version 2, the hierarchy of systemd in version 1. */
const mounts = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd'];
const kill_timeout_ms = 15_000;
const look_interval_ms_max = 200;

export type UnitGroup = Pick<ProcessGroup, 'members' | 'kill' | 'terminate'> & {
  usage(): GroupUsage;
  /** How many processes there are, in one read. */
  size(): number;
};

export function createUnitGroup(unit: string, units: Units, clock: Clock): UnitGroup {
  const memoryOf = createMemoryReader();
  /** Where it was found first. */
  let file: string | null = null;
  const pids = (): number[] => {
    for (const path of file === null ? mounts.map((mount) => join(mount, slice, unit, 'cgroup.procs')) : [file]) {
      const text = readText(path);
      if (text === null) continue;
      file = path;
      return text.split('\n').filter(Boolean).map(Number);
    }
    return [];
  };
  const members = () =>
    pids()
      .map(readProcess)
      .filter((row): row is ProcessRow => row !== null && !row.dead);

  async function isEmptyWithin(ms: number, hurry?: AbortSignal): Promise<boolean> {
    const until = clock.now() + ms;
    for (let wait_ms = 5; members().length > 0; wait_ms = Math.min(wait_ms * 2, look_interval_ms_max)) {
      if (clock.now() >= until || hurry?.aborted) return false;
      await clock.sleep(Math.min(wait_ms, until - clock.now()), hurry);
    }
    return true;
  }

  const kill = async () => {
    const until = clock.now() + kill_timeout_ms;
    do {
      if (members().length === 0) return true;
      await units.signal(unit, 'SIGKILL');
      if (await isEmptyWithin(500)) return true;
    } while (clock.now() < until);
    return false;
  };

  return {
    members,
    size: () => pids().length,
    kill,
    async terminate(grace_ms, hurry) {
      if (members().length === 0) return true;
      if (!hurry?.aborted && grace_ms > 0) {
        await units.signal(unit, 'SIGTERM');
        // What is stopped would not notice.
        await units.signal(unit, 'SIGCONT');
        if (await isEmptyWithin(grace_ms, hurry)) return true;
      }
      return kill();
    },
    usage() {
      const folder = join('/sys/fs/cgroup', slice, unit);
      const micros = /^usage_usec (\d+)$/m.exec(readText(join(folder, 'cpu.stat')) ?? '')?.[1];
      const current = Number(readText(join(folder, 'memory.current')) ?? Number.NaN);
      // Shares of memory are asked for only where the kernel does not count for the group: it walks all pages for them.
      const is_counted = micros !== undefined && !Number.isNaN(current);
      const usage = is_counted
        ? { processes: pids().length, cpu_seconds: 0, memory_bytes: 0 }
        : usageOf(members(), memoryOf);
      // The files that the kernel may drop at any time are nobody's need.
      const idle = Number(/^inactive_file (\d+)$/m.exec(readText(join(folder, 'memory.stat')) ?? '')?.[1] ?? 0);
      return {
        ...usage,
        cpu_seconds: micros === undefined ? usage.cpu_seconds : Number(micros) / 1e6,
        memory_bytes: Number.isNaN(current) ? usage.memory_bytes : Math.max(0, current - idle),
      };
    },
  };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
