/**
 * What a service and a build may do, as settings of their units. Pure. The home of the agent is covered by an empty folder in
 * which only the unit's own checkout and data appear, at their own paths: the journal, the keys and the secrets of the agent,
 * and the code and data of other services, are not there to be read. Programs that write machine code as they run (Node,
 * Java) must work, so memory may be both written and executed.
 */
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { BuildSpec, InstanceSpec } from '../supervisor.ts';
import { commandLine, quoteWord, type Setting } from './unit-text.ts';

/** All units are in it, so that weights compare them with each other. */
export const slice = 'mainstay.slice';

/** The PATH of services and builds that set none. */
export const service_path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What systemd adds to an environment of its own; a variable that somebody set stays. */
const added_variables = [
  ...['USER', 'LOGNAME', 'SHELL', 'INVOCATION_ID', 'JOURNAL_STREAM', 'SYSTEMD_EXEC_PID', 'MANAGERPID'],
  ...['MEMORY_PRESSURE_WATCH', 'MEMORY_PRESSURE_WRITE', 'LOG_NAMESPACE', 'TERM', 'LC_ALL'],
];

const hardening: readonly Setting[] = [
  ['NoNewPrivileges', 'yes'],
  ['ProtectSystem', 'strict'],
  ['PrivateDevices', 'yes'],
  ['ProtectKernelTunables', 'yes'],
  ['ProtectKernelModules', 'yes'],
  ['ProtectKernelLogs', 'yes'],
  ['ProtectControlGroups', 'yes'],
  ['ProtectClock', 'yes'],
  ['ProtectHostname', 'yes'],
  ['ProtectProc', 'invisible'],
  ['RestrictAddressFamilies', 'AF_UNIX AF_INET AF_INET6 AF_NETLINK'],
  ['RestrictNamespaces', 'yes'],
  ['RestrictRealtime', 'yes'],
  ['RestrictSUIDSGID', 'yes'],
  ['LockPersonality', 'yes'],
  ['RemoveIPC', 'no'],
  ['KeyringMode', 'private'],
  ['SystemCallArchitectures', 'native'],
  ['SystemCallFilter', '@system-service'],
  ['SystemCallFilter', '~@privileged'],
  ['SystemCallErrorNumber', 'EPERM'],
];

export type Confinement = {
  home: string;
  user: string;
  env_file: string;
  env: Readonly<Record<string, string>>;
  /** Folder in the home that the unit needs, checkout of its build; null where it runs elsewhere. */
  checkout: string | null;
};

function confined(confinement: Confinement, directory: string): Setting[] {
  const { home, user, env_file, env } = confinement;
  const unset = added_variables.filter((name) => !(name in env));
  return [
    ['User', user],
    ['Group', user],
    ['WorkingDirectory', directory],
    ['EnvironmentFile', env_file],
    ['UnsetEnvironment', unset.join(' ')],
    ['Slice', slice],
    ['KillMode', 'control-group'],
    ['OOMPolicy', 'kill'],
    ['LimitCORE', '0'],
    ['LimitNOFILE', '65536:524288'],
    ['ProtectHome', /^\/(home|root)\//.test(home) ? 'tmpfs' : 'yes'],
    ['TemporaryFileSystem', `${quoteWord(home)}:ro,mode=0755`],
    ...hardening,
  ];
}

/** The wall that the kernel holds, threads included, far behind the limit that the watch holds, which counts processes. */
export function tasksMax(processes: number): number {
  return processes * 4 + 512;
}

export function instanceSettings(
  spec: InstanceSpec,
  confinement: Confinement & { data: string | null },
  argv: string[],
): Setting[] {
  const { memory_mb, processes, cpu_percent } = spec.limits;
  const { checkout, data } = confinement;
  // Ports below 1024 are bound by those that may.
  const capability = Number(confinement.env['PORT']) < 1024 ? 'CAP_NET_BIND_SERVICE' : '';
  return [
    ['Type', 'exec'],
    ['ExecStart', commandLine(argv)],
    // It stays known how it ended, however it ended, until the agent has seen it; only the agent starts anything again.
    ['RemainAfterExit', 'yes'],
    ['Restart', 'no'],
    ['TimeoutStartSec', '30'],
    ['TimeoutStopSec', String(Math.max(1, spec.stop_timeout_seconds))],
    ...confined(confinement, spec.directory),
    ['CapabilityBoundingSet', capability],
    ['AmbientCapabilities', capability],
    ['PrivateTmp', 'yes'],
    ['UMask', '0077'],
    ...(checkout === null ? [] : ([['BindReadOnlyPaths', quoteWord(checkout)]] as const)),
    ...(data === null ? [] : ([['BindPaths', quoteWord(data)]] as const)),
    ['TasksMax', String(tasksMax(processes))],
    // The same for the user, who has two releases during a switch: holds without the kernel's group of tasks, too.
    ['LimitNPROC', String(2 * tasksMax(processes))],
    ...(memory_mb === undefined
      ? []
      : ([
          ['MemoryMax', `${memory_mb}M`],
          ['MemorySwapMax', '0'],
        ] as const)),
    ...(cpu_percent === undefined ? [] : ([['CPUQuota', `${cpu_percent}%`]] as const)),
    ['StandardOutput', 'journal'],
    ['SyslogIdentifier', spec.id],
    ['SyslogLevelPrefix', 'no'],
    ['LogRateLimitIntervalSec', '0'],
  ];
}

const file_margin_mb = 16;

/** `temporary` is TMPDIR and also what the build has as /tmp and /var/tmp, so that all that it writes is counted. */
export function buildSettings(spec: BuildSpec, confinement: Confinement & { temporary: string }): Setting[] {
  const { build_memory_mb, build_processes, build_timeout_seconds, build_disk_mb } = spec.limits;
  const { checkout, temporary } = confinement;
  return [
    // As a oneshot, an end by any signal is a failure.
    ['Type', 'oneshot'],
    // Behind the agent's own clock, for a build whose agent is gone.
    ['TimeoutStartSec', String(build_timeout_seconds + 30)],
    ['TimeoutStopSec', '1'],
    ...confined(confinement, spec.directory),
    ['CapabilityBoundingSet', ''],
    ['UMask', '0022'],
    ['BindPaths', quoteWord(checkout ?? spec.checkout)],
    ['BindPaths', quoteWord(temporary)],
    ['BindPaths', `${quoteWord(join(temporary, 'tmp'))}:/tmp`],
    ['BindPaths', `${quoteWord(join(temporary, 'tmp'))}:/var/tmp`],
    ['TasksMax', String(tasksMax(build_processes))],
    ['LimitNPROC', String(tasksMax(build_processes))],
    ['MemoryMax', `${build_memory_mb}M`],
    ['MemorySwapMax', '0'],
    // One file that grows without end stops at once; `build_disk_mb` is held by the watch, which must see that it was exceeded.
    ['LimitFSIZE', `${build_disk_mb + file_margin_mb}M`],
    // What is served comes first.
    ['CPUWeight', '20'],
    ['IOWeight', '20'],
    ['IOSchedulingClass', 'best-effort'],
    ['IOSchedulingPriority', '7'],
    ['OOMScoreAdjust', '500'],
  ];
}

/** Refuses a home whose path would mean something else in a unit file. */
export function checkHome(home: string): void {
  if (/^\/[\w.+@/-]+$/.test(home)) return;
  throw new AppError('InvalidInput', `The agent's home "${home}" cannot be used with systemd.`, {
    field: 'home',
    hint: 'Give an absolute path of letters, digits and . _ + @ - only.',
  });
}
