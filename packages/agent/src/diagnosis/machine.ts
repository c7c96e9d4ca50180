/** Memory, disks and clock of this server, from /proc and statfs(2). */
import { statfs } from 'node:fs/promises';
import { diagnosisLimits, type ServerDiagnosis } from '@mainstay/contract/diagnosis';
import type { Exec } from '@mainstay/runtime/exec';
import { textOf } from '../firewall/files.ts';

const command_ms = 3_000;
/** File systems whose space means something here; of others, such as those over a network, a look may hang. */
const with_space = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'btrfs', 'zfs', 'f2fs', 'vfat', 'overlay', 'bcachefs']);
/** Kept in memory, and yet places that fill up. */
const in_memory = new Set(['/run', '/tmp', '/dev/shm']);

/** Sizes of /proc/meminfo (proc_meminfo(5)); null where it cannot be read. */
export function readMemory(text = textOf('/proc/meminfo')): ServerDiagnosis['memory'] {
  const bytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? Number.NaN) * 1024;
  const [total_bytes, available_bytes] = [bytes('MemTotal'), bytes('MemAvailable')];
  if (Number.isNaN(total_bytes) || Number.isNaN(available_bytes)) return null;
  return {
    total_bytes,
    available_bytes,
    swap_total_bytes: bytes('SwapTotal') || 0,
    swap_free_bytes: bytes('SwapFree') || 0,
  };
}

export type Mount = { mount: string; device: string; filesystem: string };

/**
 * Mounted file systems with space of their own (proc_pid_mountinfo(5)), each once by its shortest place: what is mounted again elsewhere, as
 * sandboxes do, is the same space.
 */
export function parseMounts(text: string): Mount[] {
  const found = new Map<string, Mount>();
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ');
    const [, , number, , mount] = left?.split(' ') ?? [];
    const [filesystem, device] = right?.split(' ') ?? [];
    if (!number || !mount || !filesystem || !device) continue;
    if (filesystem === 'tmpfs' ? !in_memory.has(mount) : !with_space.has(filesystem)) continue;
    // Layers of containers are on the disk that holds them; what is mounted below /run was put there for a moment or a program.
    if ((filesystem === 'overlay' && mount !== '/') || mount.startsWith('/run/')) continue;
    const known = found.get(number);
    if (known && known.mount.length <= mount.length) continue;
    found.set(number, { mount: unescaped(mount), device: unescaped(device).slice(0, 255), filesystem });
  }
  // What was mounted last at a place is what is seen there.
  const seen = new Map([...found.values()].map((one) => [one.mount, one]));
  return [...seen.values()].sort((a, b) => (a.mount < b.mount ? -1 : 1)).slice(0, diagnosisLimits.disks_max);
}

/** Blanks and the like stand as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** The agent may live in a mount namespace of its own; the machine's is that of its first process. */
export async function readDisks(): Promise<ServerDiagnosis['disks']> {
  const mounts = parseMounts(textOf('/proc/1/mountinfo') || textOf('/proc/self/mountinfo'));
  const disks = await Promise.all(
    mounts.map(async ({ mount, device, filesystem }) => {
      const space = await statfs(mount).catch(() => null);
      if (!space || space.blocks === 0) return null;
      const { blocks, bfree, bavail, bsize, files, ffree } = space;
      // As df(1) has it: what only root may use counts neither as used nor as there.
      const used = blocks - bfree;
      return {
        mount: mount.slice(0, 500),
        device,
        filesystem,
        total_bytes: blocks * bsize,
        available_bytes: bavail * bsize,
        used_fraction: used + bavail > 0 ? used / (used + bavail) : 1,
        inodes_used_fraction: files > 0 ? (files - ffree) / files : null,
      };
    }),
  );
  return disks.filter((disk) => disk !== null);
}

/** Whether the clock is kept by NTP, as systemd says it; null where nobody says. */
export async function isClockSynchronized(exec: Exec, signal: AbortSignal): Promise<boolean | null> {
  const argv = ['timedatectl', 'show', '--property=NTPSynchronized'] as const;
  const { code, stdout } = await exec(argv, { timeout_ms: command_ms, signal });
  const said = /^NTPSynchronized=(yes|no)$/m.exec(stdout)?.[1];
  return code === 0 && said !== undefined ? said === 'yes' : null;
}
