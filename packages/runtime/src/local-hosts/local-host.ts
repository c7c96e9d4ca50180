/** A host as its users hold it: commands, files, power and faults, the same for containers and virtual machines. */
import { AppError } from '@mainstay/contract/app-error';
import type { ExecResult } from '../exec.ts';
import type { HostDriver, HostExecOptions, HostPlace, HostRecord, HostState } from './host.ts';
import type { HostKind } from './machine.ts';
import type { HostAddress } from './network.ts';
import { waitFor } from './processes.ts';
import type { Argv } from './run.ts';

export type LocalHost = {
  readonly name: string;
  readonly kind: HostKind;
  readonly record: HostRecord;
  /** IPv4 and IPv6 addresses, as other hosts and the machine reach it. */
  readonly ip: string;
  readonly ip6: string;
  readonly address: HostAddress;
  /** Folder on the machine with its console's log and its disk. */
  readonly folder: string;

  /** Runs a command as root and gives its result, whatever the exit code. 120 s are allowed unless told otherwise. */
  exec(argv: Argv, options?: HostExecOptions): Promise<ExecResult>;
  /** Runs a command that must succeed and gives its stdout. Throws Unavailable with what it wrote to stderr. */
  run(argv: Argv, options?: HostExecOptions): Promise<string>;
  /** Writes a file, its folders included. `mode` is octal text (0644). */
  writeFile(path: string, content: NonNullable<HostExecOptions['stdin']>, mode?: string): Promise<void>;
  readFile(path: string): Promise<string>;

  state(): Promise<HostState>;
  /** Boots it when it is off, and waits until systemd has started all that it starts. */
  boot(): Promise<void>;
  /** Cuts the power: every process dies at once, nothing is told. The disk stays as it was. */
  powerOff(): Promise<void>;
  /** Shuts it down in good order. */
  shutdown(): Promise<void>;
  /** Reboots in good order, and waits until it is up again. */
  reboot(): Promise<void>;
  pause(): Promise<void>;
  unpause(): Promise<void>;
  /** Identity of the present boot; another after each boot. */
  bootId(): Promise<string>;
  memoryBytes(): Promise<number>;
  shiftClock(seconds: number): Promise<void>;
};

/** An emulated machine takes 15 s when the machine is idle, and minutes when it is not. */
const boot_timeout_ms = 300_000;

/** Path and mode are arguments. Nobody else reads the file before it has its mode. */
const writing = 'mkdir -p "$(dirname "$1")" && umask 077 && cat > "$1" && chmod "$2" "$1"';

export function createLocalHost(place: HostPlace, driver: HostDriver): LocalHost {
  const { record, address, folder } = place;
  const must = async (argv: Argv, options?: HostExecOptions) => {
    const result = await driver.exec(argv, options);
    if (result.code === 0) return result.stdout;
    const why = result.error?.message ?? result.killed ?? (result.stderr || result.stdout).trim().slice(-2_000);
    const command = argv.slice(0, 4).join(' ');
    throw new AppError(
      'Unavailable',
      `"${command}" on host "${record.name}" failed (${result.code ?? result.signal}): ${why}`,
    );
  };
  const untilRunning = async () => {
    const look = async () => ((await driver.state().catch(() => 'starting')) === 'running' ? true : null);
    await waitFor(`host "${record.name}" boots (its console: ${folder}/console.log)`, look, {
      timeout_ms: boot_timeout_ms,
    });
  };
  const bootId = async () => (await must(['cat', '/proc/sys/kernel/random/boot_id'])).trim();
  const untilOff = () => {
    const look = async () => ((await driver.state()) === 'off' ? true : null);
    return waitFor(`host "${record.name}" shuts down`, look, { timeout_ms: boot_timeout_ms });
  };

  return {
    name: record.name,
    kind: record.kind,
    record,
    ip: address.ip,
    ip6: address.ip6,
    address,
    folder,
    exec: driver.exec,
    run: must,
    async writeFile(path, content, mode = '0644') {
      if (!path.startsWith('/')) {
        throw new AppError('InvalidInput', `"${path}" must be an absolute path.`, { field: 'path' });
      }
      await must(['sh', '-c', writing, 'write', path, mode], { stdin: content });
    },
    readFile: (path) => must(['cat', path], { output_bytes_max: 64 * 1024 * 1024 }),

    state: driver.state,
    async boot() {
      await driver.create();
      await driver.start();
      await untilRunning();
      await driver.settle?.();
    },
    powerOff: driver.cutPower,
    async shutdown() {
      if ((await driver.state()) === 'off') return;
      await driver.exec(['systemctl', 'poweroff']);
      await untilOff();
      await driver.cutPower();
    },
    async reboot() {
      const before = await bootId();
      await driver.exec(['systemctl', 'reboot']);
      const look = async () => ((await bootId().catch(() => before)) === before ? null : true);
      await waitFor(`host "${record.name}" reboots`, look, { timeout_ms: boot_timeout_ms });
      await untilRunning();
    },
    pause: driver.pause,
    unpause: driver.unpause,
    bootId,
    memoryBytes: driver.memoryBytes,
    shiftClock: driver.shiftClock,
  };
}
