/** Which unit of systemd a process belongs to, as its control group says (proc_pid_cgroup(5)). */
import { textOf } from '../firewall/files.ts';

/** Name of the innermost unit in a control group file, of either version; null where there is none. */
export function unitIn(cgroup: string): string | null {
  for (const line of cgroup.split('\n')) {
    const [number, controllers, path] = line.split(':');
    if (path === undefined || (number !== '0' && controllers !== 'name=systemd')) continue;
    const unit = path.split('/').findLast((part) => /\.(service|scope|socket|mount)$/.test(part));
    if (unit) return unit.slice(0, 255);
  }
  return null;
}

export function unitOf(pid: number, proc = '/proc'): string | null {
  return unitIn(textOf(`${proc}/${pid}/cgroup`));
}
