/**
 * Virtual machines as hosts: qemu with the image's own kernel, for what containers share with the machine: limits of memory
 * and processes, Docker, the clock, a reboot that is one. KVM where it works, which is tried once, since a `/dev/kvm` can
 * be there and hang; otherwise emulated.
 */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '@mainstay/contract/app-error';
import { systemExec } from '../exec.ts';
import { hostsFile, resolverFile } from './container.ts';
import { withFileLock } from './file-lock.ts';
import { createGuestAgent } from './guest-agent.ts';
import { type HostDriver, type HostPlace, type HostState, machineName } from './host.ts';
import { networkOf } from './network.ts';
import { isAlive, markOf, type ProcessMark, signal, waitFor } from './processes.ts';
import { attempt, run } from './run.ts';

const qemu = 'qemu-system-x86_64';
/** Size of the image's file system; the disk of each host is larger, and grown into at its first boot. */
export const image_disk_mb = 2048;

export function createVirtualMachine(place: HostPlace): HostDriver {
  const { record, address, folder, image_folder } = place;
  const network = networkOf(record.index);
  const markFile = join(folder, 'supervisor.json');
  const disk = join(folder, 'disk.qcow2');
  const socket = join(folder, 'agent.sock');
  const agent = createGuestAgent(socket);

  const running = (): number | null => {
    const mark: ProcessMark | null = existsSync(markFile) ? JSON.parse(readFileSync(markFile, 'utf8')) : null;
    return isAlive(mark) ? mark.pid : null;
  };
  const must = (): number => {
    const pid = running();
    if (pid !== null) return pid;
    throw new AppError('Unavailable', `Host "${record.name}" is not running.`, { hint: 'Boot it first.' });
  };
  const isPaused = (pid: number) => /^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

  return {
    async create() {
      if (existsSync(disk)) return;
      const backing = await rootImage(image_folder);
      await run([
        'qemu-img',
        'create',
        '-q',
        '-f',
        'qcow2',
        '-b',
        backing,
        '-F',
        'raw',
        `${disk}.new`,
        `${record.disk_mb}M`,
      ]);
      await rename(`${disk}.new`, disk);
    },

    async start() {
      if (running() !== null) return;
      await attempt(['ip', 'link', 'delete', address.port]);
      await run(['ip', 'tuntap', 'add', 'dev', address.port, 'mode', 'tap']);
      await run(['ip', 'link', 'set', address.port, 'master', network.bridge, 'up']);
      rmSync(socket, { force: true });
      const kernel = kernelOf(image_folder);
      const append = [
        'root=/dev/vda rw console=ttyS0 net.ifnames=0 quiet',
        `systemd.hostname=${record.name}`,
        `ip=${address.ip}::${network.gateway}:255.255.255.0:${record.name}:eth0:none`,
        `ip=[${address.ip6}]:::64:${record.name}:eth0:none`,
      ];
      const args = [
        ...['-name', machineName(record), ...(await accelerator(place)), '-m', String(record.memory_mb), '-smp', '2'],
        ...['-nodefaults', '-display', 'none', '-kernel', kernel.kernel, '-initrd', kernel.initrd],
        ...['-append', append.join(' '), '-serial', `file:${join(folder, 'console.log')}`],
        ...['-drive', `file=${disk},if=virtio,format=qcow2,discard=unmap`, '-device', 'virtio-rng-pci'],
        ...['-netdev', `tap,id=wire,ifname=${address.port},script=no,downscript=no`],
        ...['-device', `virtio-net-pci,netdev=wire,mac=${address.mac}`, '-device', 'virtio-serial-pci'],
        ...['-chardev', `socket,id=agent,path=${socket},server=on,wait=off`],
        ...['-device', 'virtserialport,chardev=agent,name=org.qemu.guest_agent.0'],
      ];
      const log = openSync(join(folder, 'qemu.log'), 'a');
      const child = spawn(qemu, args, { detached: true, stdio: ['ignore', log, log] });
      child.unref();
      const mark = child.pid === undefined ? null : markOf(child.pid);
      if (mark === null) throw new AppError('Unavailable', `Host "${record.name}" could not be started.`);
      await writeFile(markFile, JSON.stringify(mark));
    },

    async settle() {
      if (existsSync(join(folder, 'settled'))) return;
      const files: Record<string, string> = {
        '/etc/hostname': `${record.name}\n`,
        '/etc/hosts': hostsFile(record.name),
        '/etc/resolv.conf': resolverFile(),
      };
      for (const [path, stdin] of Object.entries(files)) {
        await mustSucceed(await agent.exec(['tee', path], { stdin }));
      }
      await mustSucceed(await agent.exec(['resize2fs', '/dev/vda']));
      await writeFile(join(folder, 'settled'), '');
    },

    async cutPower() {
      const pid = running();
      if (pid !== null) {
        signal(pid, 'SIGKILL');
        const gone = () => (markOf(pid) === null ? true : null);
        await waitFor(`the virtual machine "${record.name}" ends`, gone, { timeout_ms: 30_000 });
      }
      await rm(markFile, { force: true });
      if (existsSync(`/sys/class/net/${address.port}`)) await run(['ip', 'link', 'delete', address.port]);
    },

    async state(): Promise<HostState> {
      const pid = running();
      if (pid === null) return 'off';
      if (isPaused(pid)) return 'paused';
      if (!(await agent.answers())) return 'starting';
      const { stdout } = await agent.exec(['systemctl', 'is-system-running']);
      return ['running', 'degraded'].includes(stdout.trim()) ? 'running' : 'starting';
    },

    async pause() {
      const pid = must();
      signal(pid, 'SIGSTOP');
      await waitFor(`host "${record.name}" stands still`, () => (isPaused(pid) ? true : null), { timeout_ms: 10_000 });
    },

    async unpause() {
      const pid = running();
      if (pid !== null) signal(pid, 'SIGCONT');
    },

    async exec(argv, options) {
      const pid = must();
      if (isPaused(pid))
        throw new AppError('Unavailable', `Host "${record.name}" is paused.`, { hint: 'Unpause it first.' });
      return agent.exec(argv, options);
    },

    async memoryBytes() {
      const pid = running();
      const status = pid === null ? '' : readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
    },

    async shiftClock(seconds) {
      must();
      const words = `${seconds < 0 ? '-' : '+'}${Math.abs(Math.round(seconds))} seconds`;
      await mustSucceed(await agent.exec(['date', '--set', words]));
    },
  };
}

async function mustSucceed(result: Awaited<ReturnType<HostDriver['exec']>>): Promise<void> {
  if (result.code !== 0)
    throw new AppError('Unavailable', `In the virtual machine: ${result.stderr.trim() || result.code}.`);
}

/** The image's folder as a raw file system, made once beside it. */
async function rootImage(image_folder: string): Promise<string> {
  const file = `${image_folder}.raw`;
  if (existsSync(file)) return file;
  await withFileLock(`${image_folder}.lock`, async () => {
    if (existsSync(file)) return;
    const partial = `${file}.partial`;
    await rm(partial, { force: true });
    await run(['mke2fs', '-q', '-t', 'ext4', '-m', '0', '-d', image_folder, partial, `${image_disk_mb}M`], {
      timeout_ms: 10 * 60_000,
    });
    await rename(partial, file);
  });
  return file;
}

function kernelOf(image_folder: string): { kernel: string; initrd: string } {
  const boot = join(image_folder, 'boot');
  const version = readdirSync(boot)
    .find((name) => name.startsWith('vmlinuz-'))
    ?.slice('vmlinuz-'.length);
  if (!version)
    throw new AppError('Unavailable', 'The image has no kernel.', { hint: 'Remove it: lab images --remove' });
  return { kernel: join(boot, `vmlinuz-${version}`), initrd: join(boot, `initrd.img-${version}`) };
}

/**
 * KVM when a kernel without a root file system gets as far as its panic in five seconds, and TCG otherwise. What was found is
 * kept beside the images.
 */
async function accelerator(place: HostPlace): Promise<string[]> {
  const emulated = ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
  const kvm = ['-accel', 'kvm', '-cpu', 'host'];
  if (!existsSync('/dev/kvm')) return emulated;
  const file = join(dirname(dirname(place.image_folder)), 'kvm.json');
  const verdict = await withFileLock(`${file}.lock`, async () => {
    if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')).works as boolean;
    const { kernel } = kernelOf(place.image_folder);
    const probe = [...kvm, '-m', '256', '-nodefaults', '-display', 'none', '-no-reboot', '-append', 'panic=-1'];
    const works = (await systemExec([qemu, ...probe, '-kernel', kernel], { timeout_ms: 5_000 })).code === 0;
    await writeFile(file, JSON.stringify({ works }));
    return works;
  });
  return verdict ? kvm : emulated;
}
