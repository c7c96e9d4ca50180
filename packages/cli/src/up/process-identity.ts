/** Who a process is beyond its number, which the system gives to another one later: proc(5), Linux only. */
import { readFileSync } from 'node:fs';

export type ProcessIdentity = { pid: number; start_ticks: number; boot_id: string };

/** Null when the process is gone, or this system has no /proc. A zombie counts as gone. */
export function identityOf(pid: number): ProcessIdentity | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, field 2, stands in parentheses and may hold anything; what follows it is fields 3 and on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return null;
    const boot_id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return { pid, start_ticks: Number(fields[19]), boot_id };
  } catch {
    return null;
  }
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identityOf(identity.pid);
  return now !== null && now.start_ticks === identity.start_ticks && now.boot_id === identity.boot_id;
}
