/**
 * What a host is, whatever it runs on, and what its driver (container or virtual machine) must be able to do for that.
 *
 * ```
 *        boot            pause
 *  off ───────▶ running ───────▶ paused
 *   ▲  power_off · shutdown  ◀── unpause
 *   └──────────────┘
 * ```
 */
import type { ExecOptions, ExecResult } from '../exec.ts';
import type { HostKind } from './machine.ts';
import type { HostAddress } from './network.ts';
import type { Argv } from './run.ts';

/** What a host was made with; it stays so for its life. */
export type HostRecord = {
  group: string;
  index: number;
  name: string;
  number: number;
  kind: HostKind;
  image: string;
  packages: string[];
  memory_mb: number;
  disk_mb: number;
};

export type HostState = 'off' | 'starting' | 'running' | 'paused';

/** `user`-less: commands run as root. `env` is added to a login-like environment; nothing of this process is inherited. */
export type HostExecOptions = Pick<
  ExecOptions,
  'stdin' | 'timeout_ms' | 'output_bytes_max' | 'signal' | 'onOutput' | 'env'
> & {
  /** The folder inside the host (/root). */
  cwd?: string;
};

export type HostPlace = {
  record: HostRecord;
  address: HostAddress;
  /** Folder of the host on the machine: its disk, its console's log. */
  folder: string;
  image_folder: string;
};

/** What containers and virtual machines do differently. All are idempotent. */
export type HostDriver = {
  /** Disk and files, once. */
  create(): Promise<void>;
  /** Starts it and leaves it running after this process has ended. Does not wait for it. */
  start(): Promise<void>;
  /** What is left to set once it has booted for the first time. */
  settle?(): Promise<void>;
  /** Ends every process of it at once, as when the power fails. */
  cutPower(): Promise<void>;
  state(): Promise<HostState>;
  /** Stops it where it stands, memory kept. */
  pause(): Promise<void>;
  unpause(): Promise<void>;
  exec(argv: Argv, options?: HostExecOptions): Promise<ExecResult>;
  /** Bytes of memory that the machine spends on it. */
  memoryBytes(): Promise<number>;
  /** Sets the clock of the host off by this many seconds from now. Throws where it has no clock of its own. */
  shiftClock(seconds: number): Promise<void>;
};

export const hostEnvironment = {
  PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  USER: 'root',
  LOGNAME: 'root',
  LANG: 'C.UTF-8',
  TERM: 'dumb',
};

/** The name of a host's namespace, cgroup and machine: unique on the machine. */
export function machineName(record: HostRecord): string {
  return `mlh${record.index}-${record.name}`;
}
