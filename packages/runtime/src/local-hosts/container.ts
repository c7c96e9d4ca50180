/**
 * Containers as hosts: systemd-nspawn boots a real systemd on an overlay of the image. The upper layer lies on a file system
 * of its own, of bounded size, so that a full disk is a real one and the machine's never fills up.
 *
 * A small shell loop, with all values as arguments, stands above nspawn. It makes network namespace and wire anew before each
 * boot, since a reboot must lose what a real one loses (firewall rules above all), and it boots again when the host reboots
 * itself. Each host has a cgroup of its own: nspawn would put all of them into the same `payload`.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rm, rmdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/app-error';
import { systemExec } from '../exec.ts';
import { type HostDriver, type HostPlace, type HostState, hostEnvironment, machineName } from './host.ts';
import { networkOf } from './network.ts';
import {
  companionsOf,
  descendantsOf,
  isAlive,
  isFirstOfNamespace,
  loopName,
  markOf,
  type ProcessMark,
  signal,
  waitFor,
} from './processes.ts';
import { run } from './run.ts';

const loop = `
set -eu
machine=$1 root=$2 bridge=$3 port=$4 mac=$5 ip=$6 ip6=$7 gateway=$8
wire() {
  ip netns delete "$machine" 2>/dev/null || :
  ip link delete "$port" 2>/dev/null || :
  ip netns add "$machine"
  ip link add "$port" type veth peer name eth0 address "$mac" netns "$machine"
  ip -n "$machine" link set lo up
  ip -n "$machine" addr add "$ip" dev eth0
  ip -n "$machine" addr add "$ip6" dev eth0 nodad 2>/dev/null || :
  ip -n "$machine" link set eth0 up
  ip -n "$machine" route add default via "$gateway"
  ip link set "$port" master "$bridge" up
}
while :; do
  wire
  code=0
  (
    for tree in /sys/fs/cgroup /sys/fs/cgroup/systemd /sys/fs/cgroup/unified; do
      [ -e "$tree/cgroup.procs" ] || continue
      mkdir -p "$tree/$machine"
      echo 0 > "$tree/$machine/cgroup.procs"
    done
    exec systemd-nspawn --quiet --directory="$root" --boot --machine="$machine" \\
      --network-namespace-path="/run/netns/$machine" --capability=CAP_NET_ADMIN --register=no --keep-unit \\
      --resolv-conf=off --timezone=off --link-journal=no --console=pipe
  ) || code=$?
  # 133 is how nspawn says that the host asks to be booted again.
  [ "$code" = 133 ] || exit "$code"
done
`;

export function createContainer(place: HostPlace): HostDriver {
  const { record, address, folder } = place;
  const machine = machineName(record);
  const network = networkOf(record.index);
  const root = join(folder, 'root');
  const markFile = join(folder, 'supervisor.json');

  const mark = (): ProcessMark | null => (existsSync(markFile) ? JSON.parse(readFileSync(markFile, 'utf8')) : null);
  const supervisor = () => {
    const known = mark();
    return isAlive(known) ? known.pid : null;
  };
  const leader = () => {
    const pid = supervisor();
    return pid === null ? null : (descendantsOf(pid).find(isFirstOfNamespace) ?? null);
  };
  const inside = async (argv: readonly string[], options: Parameters<HostDriver['exec']>[1] = {}) => {
    const pid = leader();
    if (pid === null)
      throw new AppError('Unavailable', `Host "${record.name}" is not running.`, { hint: 'Boot it first.' });
    const { cwd = '/root', env, ...rest } = options;
    return systemExec(['nsenter', '-t', String(pid), '-m', '-u', '-i', '-n', '-p', `--wdns=${cwd}`, '--', ...argv], {
      timeout_ms: 120_000,
      ...rest,
      inherit_env: false,
      env: { ...hostEnvironment, ...env },
    });
  };

  const mount = async () => {
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const disk = join(folder, 'disk');
    if (!mounts.includes(` ${disk} `))
      await run(['mount', '-o', 'loop,discard,noatime', join(folder, 'disk.img'), disk]);
    if (mounts.includes(` ${root} `)) return;
    await mkdir(join(disk, 'upper'), { recursive: true });
    await mkdir(join(disk, 'work'), { recursive: true });
    const layers = `lowerdir=${place.image_folder},upperdir=${join(disk, 'upper')},workdir=${join(disk, 'work')}`;
    await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, root]);
  };

  return {
    async create() {
      const created = join(folder, 'created');
      if (existsSync(created)) return;
      const file = join(folder, 'disk.img');
      for (const name of ['disk', 'root']) await mkdir(join(folder, name), { recursive: true });
      await writeFile(file, '');
      await truncate(file, record.disk_mb * 1024 * 1024);
      await run([
        'mke2fs',
        '-q',
        '-F',
        '-t',
        'ext4',
        '-m',
        '0',
        '-O',
        '^has_journal',
        '-E',
        'lazy_itable_init=1',
        file,
      ]);
      await mount();
      await writeFile(join(root, 'etc/hostname'), `${record.name}\n`);
      await writeFile(join(root, 'etc/machine-id'), `${randomBytes(16).toString('hex')}\n`);
      await writeFile(join(root, 'etc/hosts'), hostsFile(record.name));
      await writeFile(join(root, 'etc/resolv.conf'), resolverFile());
      await writeFile(created, '');
    },

    async start() {
      if (supervisor() !== null) return;
      await mount();
      const console_log = openSync(join(folder, 'console.log'), 'a');
      const values = [machine, root, network.bridge, address.port, address.mac, address.prefixed, address.prefixed6];
      const child = spawn('sh', ['-c', loop, loopName, ...values, network.gateway], {
        detached: true,
        stdio: ['ignore', console_log, console_log],
      });
      child.unref();
      const started = child.pid === undefined ? null : markOf(child.pid);
      if (started === null) throw new AppError('Unavailable', `Host "${record.name}" could not be started.`);
      await writeFile(markFile, JSON.stringify(started));
    },

    async cutPower() {
      const pid = supervisor();
      if (pid !== null) {
        // The loop first, so that it boots nothing again; with the first process of a namespace, all others end.
        const below = descendantsOf(pid);
        const first = leader();
        signal(pid, 'SIGKILL');
        for (const other of first === null ? below : [first, ...below]) signal(other, 'SIGKILL');
        const gone = () => (below.every((other) => markOf(other) === null) ? true : null);
        await waitFor(`the processes of host "${record.name}" end`, gone, { timeout_ms: 30_000 });
      }
      await rm(markFile, { force: true });
      await removeRemains(machine, address.port, root);
    },

    async state(): Promise<HostState> {
      const pid = leader();
      if (pid === null) return supervisor() === null ? 'off' : 'starting';
      if (/^State:\s+T/m.test(statusOf(pid))) return 'paused';
      const result = await inside(['systemctl', 'is-system-running'], { timeout_ms: 10_000 });
      return ['running', 'degraded'].includes(result.stdout.trim()) ? 'running' : 'starting';
    },

    async pause() {
      const pid = leader();
      if (pid === null) throw new AppError('Unavailable', `Host "${record.name}" is not running.`);
      // Twice over: what was forked while the first round went through is stopped by the next, until none is left.
      const running = () => companionsOf(pid).filter((other) => !/^State:\s+[TZX]/m.test(statusOf(other)));
      const stop = () => {
        const left = running();
        for (const other of left) signal(other, 'SIGSTOP');
        return left.length === 0 ? true : null;
      };
      await waitFor(`host "${record.name}" stands still`, stop, { timeout_ms: 10_000, every_ms: 5 });
    },

    async unpause() {
      const pid = leader();
      if (pid !== null) for (const other of companionsOf(pid)) signal(other, 'SIGCONT');
    },

    exec: (argv, options) => inside(argv, options),

    async memoryBytes() {
      const pid = leader();
      const texts = pid === null ? [] : companionsOf(pid).map((other) => read(`/proc/${other}/smaps_rollup`));
      return texts.reduce((sum, text) => sum + Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024, 0);
    },

    async shiftClock() {
      throw new AppError('InvalidInput', `Host "${record.name}" is a container: its clock is the machine's.`, {
        field: 'kind',
        hint: 'Use a virtual machine (--kind vm) to set a clock off.',
      });
    },
  };
}

/** Namespace, wire, cgroups and nspawn's own folder of a container that runs no more. */
async function removeRemains(machine: string, port: string, root: string): Promise<void> {
  await removeLock(root);
  if (existsSync(`/run/netns/${machine}`)) await run(['ip', 'netns', 'delete', machine]);
  if (existsSync(`/sys/class/net/${port}`)) await systemExec(['ip', 'link', 'delete', port]);
  for (const tree of ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified']) {
    await removeCgroup(join(tree, machine));
  }
  await rm(`/run/systemd/nspawn/propagate/${machine}`, { recursive: true, force: true });
}

/** nspawn names its lock by device and inode of the root, and leaves it behind when it is killed. */
export async function removeLock(root: string): Promise<void> {
  if (!existsSync(root)) return;
  const { dev, ino } = await stat(root);
  await rm(`/run/systemd/nspawn/locks/inode-${dev}:${ino}`, { force: true });
}

/** Removes a cgroup with those below it; the kernel may take a moment to see that its processes are gone. */
export async function removeCgroup(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await removeCgroup(join(folder, entry.name));
  }
  const look = () =>
    rmdir(folder).then(
      () => true,
      () => (existsSync(folder) ? null : true),
    );
  await waitFor(`cgroup ${folder} is empty`, look, { timeout_ms: 10_000 });
}

/** The machine's resolvers; where it asks a stub of its own, the servers behind that. */
export function resolverFile(): string {
  const own = read('/etc/resolv.conf');
  return /^nameserver\s+127\./m.test(own) ? read('/run/systemd/resolve/resolv.conf') || own : own;
}

export function hostsFile(name: string): string {
  return `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1 localhost ip6-localhost ip6-loopback\n`;
}

function statusOf(pid: number): string {
  return read(`/proc/${pid}/status`);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
