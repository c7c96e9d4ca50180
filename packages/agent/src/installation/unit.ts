/**
 * The unit of the agent. An agent makes the machine what was signed: it starts units, writes under /etc and sets the firewall, so it is
 * root, and what can be taken from it is what none of that needs. Services that are its children end with it only when it is asked to
 * (KillMode=process): a restart of the agent, or its update, leaves them serving.
 */
import { places } from './agent-file.ts';

/** By which `uninstall` tells the agent to end with all that it runs; the only drop-in that the agent leaves. */
export const uninstall_drop_in = {
  path: `/run/systemd/system/${places.unit}.d/uninstall.conf`,
  text: '[Service]\nKillSignal=SIGUSR2\nKillMode=mixed\n',
} as const;

/** Text of the unit file for an agent at this path. */
export function unitText(binary: string): string {
  return `# Made by mainstay-agent install, and put back by the agent when it is changed; drop-ins are taken away.
[Unit]
Description=Mainstay agent
Documentation=https://github.com/mainstay/mainstay
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${binary} run --config ${places.settings}
Environment=MALLOC_ARENA_MAX=2
Restart=always
RestartSec=2
KillMode=process
KillSignal=SIGTERM
TimeoutStopSec=70
OOMPolicy=continue
TasksMax=infinity
UMask=0077

ProtectSystem=yes
ReadWritePaths=-/usr/local/bin
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectKernelTunables=yes
ProtectClock=yes
ProtectHostname=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_TIME CAP_SYS_BOOT CAP_SYS_PACCT CAP_SYSLOG CAP_WAKE_ALARM CAP_MAC_ADMIN CAP_MAC_OVERRIDE CAP_LEASE

[Install]
WantedBy=multi-user.target
`;
}
