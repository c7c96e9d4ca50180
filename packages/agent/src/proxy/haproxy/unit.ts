/**
 * HAProxy as a unit of systemd: it outlives the agent, comes back by itself when it dies, and serves after a reboot what was
 * served before it, with agent and control plane away. The master is root with the four rights that it needs, and sees of the
 * agent's folder only its own; the workers are Debian's user for HAProxy.
 */
import { mkdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type Exec, systemExec } from '@mainstay/runtime/exec';
import { type Drift, drift, fileDrift } from '../../drift/drift.ts';
import { type HaproxyProcess, haproxyArgv, type ProcessPaths, signal } from './process.ts';

export const haproxy_unit = 'mainstay-haproxy.service';

const start_ms = 60_000;
const command_ms = 30_000;

/** Text of the unit file. `agent_home` is the folder above the state folder, whose other contents HAProxy does not see. */
export function haproxyUnitText(paths: ProcessPaths, home: string): string {
  const agent_home = dirname(home);
  return `# Made by the Mainstay agent, which puts it back when it is changed, and takes drop-ins away
[Unit]
Description=Mainstay proxy (HAProxy)
Documentation=man:haproxy(1)
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${haproxyArgv(paths, true).join(' ')}
ExecReload=/bin/kill -USR2 $MAINPID
Restart=on-failure
RestartForceExitStatus=143
SuccessExitStatus=143
RestartSec=500ms
KillMode=mixed
TimeoutStopSec=10
OOMPolicy=continue
OOMScoreAdjust=-500
LimitNOFILE=65536
UMask=0077

CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_SETUID CAP_SETGID CAP_KILL
NoNewPrivileges=yes
ProtectSystem=strict
TemporaryFileSystem=${agent_home}:ro
BindPaths=${home}
ProtectHome=${/^\/(home|root)\//.test(home) ? 'no' : 'yes'}
PrivateTmp=${/^\/(var\/)?tmp\//.test(home) ? 'no' : 'yes'}
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service

[Install]
WantedBy=multi-user.target
`;
}

export type UnitOptions = {
  exec?: Exec;
  /** Name of the unit; `mainstay-haproxy.service` when left out. */
  unit?: string;
  /** Where units of the machine's administrator are. */
  units_folder?: string;
};

/** Runs HAProxy as a unit; needs root and systemd. */
export function createUnitProcess(options: UnitOptions = {}) {
  const { exec = systemExec, unit = haproxy_unit, units_folder = '/etc/systemd/system' } = options;
  const unit_file = join(units_folder, unit);
  const wanted_link = join(units_folder, 'multi-user.target.wants', unit);

  const systemctl = (args: string[], timeout_ms = command_ms) => exec(['systemctl', ...args], { timeout_ms });
  const must = async (args: string[]): Promise<void> => {
    const { code, stderr, error } = await systemctl(args);
    if (code === 0) return;
    const why = error?.message ?? (stderr.trim().slice(-500) || `code ${code}`);
    throw new AppError('Unavailable', `systemctl ${args.join(' ')} failed: ${why}`, {
      hint: `Look at it by: systemctl status ${unit}`,
    });
  };

  return (paths: ProcessPaths, home: string): HaproxyProcess => {
    const text = haproxyUnitText(paths, home);

    /** Whether this process has seen it as it should be; what is other before that is of an earlier version. */
    let is_installed = false;
    let untold: Drift[] = [];
    const isEnabled = () => {
      try {
        return resolve(dirname(wanted_link), readlinkSync(wanted_link)) === unit_file;
      } catch {
        return false;
      }
    };
    const install = async (): Promise<void> => {
      const changed = fileDrift(unit_file, text);
      const disabled = isEnabled()
        ? null
        : drift(wanted_link, 'a link to the unit, by which it starts', 'there is none');
      if (changed) {
        mkdirSync(units_folder, { recursive: true });
        writeFileSync(`${unit_file}.new`, text, { mode: 0o644 });
        renameSync(`${unit_file}.new`, unit_file);
        await must(['daemon-reload']);
      }
      // A link to another file, or a mask, is replaced as well.
      if (disabled) await must(['reenable', '--quiet', unit]);
      if (is_installed) untold.push(...[changed, disabled].filter((one) => one !== null));
      is_installed = true;
    };
    const lastLines = async () =>
      (await exec(['journalctl', '-u', unit, '-n', '4', '-o', 'cat', '--no-pager'])).stdout
        .trim()
        .replaceAll('\n', ' | ');

    return {
      log: `journalctl -u ${unit}`,
      lastLines,
      async repair() {
        await install();
        const found = untold;
        untold = [];
        return found;
      },
      async start() {
        await install();
        await systemctl(['reset-failed', unit]);
        const { code, stderr, error } = await systemctl(['start', unit], start_ms);
        const why = code === 0 ? null : (error?.message ?? (stderr.trim().slice(0, 300) || `code ${code}`));
        return {
          failure: () => why,
          abandon: async () => {
            await systemctl(['stop', unit]);
          },
        };
      },
      beginStop: async (master) => signal(master, 'SIGUSR1'),
      end: async () => {
        await systemctl(['stop', unit]);
      },
      async gone() {
        is_installed = false;
        // Whoever stops it for good does not want it back after a reboot.
        await systemctl(['stop', unit]);
        await systemctl(['disable', '--quiet', unit]);
        rmSync(unit_file, { force: true });
        await systemctl(['daemon-reload']);
        await systemctl(['reset-failed', unit]);
      },
    };
  };
}
