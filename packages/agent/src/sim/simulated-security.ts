/** What a simulated agent tells of its security: the mode of its server state, in force at once. */
import type { SecurityObserved, ServerState } from '@mainstay/contract/server-state';

const exposures = { none: 'open', 'daemon-port': 'daemon-port', tunnel: 'none' } as const;

export function simulatedSecurity(document: ServerState | null, ssh_peers: readonly string[]): SecurityObserved {
  const { mode, ssh_from } = document?.security ?? { mode: 'none' as const, ssh_from: [] };
  return {
    mode,
    exposure: exposures[mode],
    state: mode === 'none' ? 'off' : 'in_force',
    firewall: mode === 'none' ? null : 'nftables',
    open_ports: mode === 'daemon-port' ? [8080] : [],
    ssh_from,
    ssh_peers: [...ssh_peers],
    message: null,
  };
}
