/** The parts of this server that server states speak of, put together. */
import type { AgentState } from '@mainstay/contract/agent-api';
import { createNoSecurityPart } from '../firewall/no-firewall.ts';
import { createSecurityPart, type SecurityPart } from '../firewall/security-part.ts';
import { createServerLook, serverFirewall } from '../firewall/server-firewall.ts';
import { tcpSockets } from '../firewall/sockets.ts';
import { publicPorts, stackMode } from '../firewall/stack-exposure.ts';
import type { Context } from '../reconciler/context.ts';
import type { Secrets } from '../reconciler/secrets.ts';
import type { InstanceHandle } from '../supervisor/supervisor.ts';
import { cloudflared } from '../tunnel/cloudflared.ts';
import { createTunnelPart } from '../tunnel/tunnel-part.ts';
import type { ServerPart } from './server-part.ts';

export type ServerParts = {
  all: readonly ServerPart[];
  /** Takes back what runs of them; before the supervisor's sweep. Gives the ids of instances that are theirs. */
  recover(): Promise<string[]>;
  observe(): Pick<AgentState, 'security' | 'tunnel'>;
  /** What runs the program of the tunnel. */
  tunnel(): InstanceHandle | null;
  /** Ends what runs of them. */
  stop(): Promise<void>;
};

export type ServerPartsOptions = {
  home: string;
  context: Context;
  secrets: Secrets;
  /** Whether the agent may set the firewall of this server: it is installed there, as root. */
  firewall: boolean;
  /** Sends a heartbeat over a fresh connection: whether the control plane acknowledged it. */
  reachable(signal: AbortSignal): Promise<boolean>;
};

export function createServerParts({ home, context, secrets, firewall, reachable }: ServerPartsOptions): ServerParts {
  const { supervisor, clock, log, emit, changed } = context;
  const security = firewall ? securityPart(home, context, reachable) : null;
  if (security) context.bindsPublicly = security.bindsPublicly;
  const tunnel = createTunnelPart({
    home,
    program: cloudflared(),
    supervisor,
    async resolve(commitment, signal) {
      return (await secrets.resolve([commitment], signal)).get(commitment) ?? '';
    },
    clock,
    log,
    emit,
    changed,
  });
  return {
    all: [security ?? createNoSecurityPart(), tunnel],
    recover: tunnel.recover,
    observe: () => ({ security: security?.observe() ?? null, tunnel: tunnel.observe() }),
    tunnel: tunnel.handle,
    stop: tunnel.stop,
  };
}

function securityPart(home: string, context: Context, reachable: ServerPartsOptions['reachable']): SecurityPart {
  const { state, clock, log, emit, changed } = context;
  const { firewall, ufw } = serverFirewall(home);
  return createSecurityPart({
    firewall,
    facts: createServerLook(ufw, () => publicPorts(state.desired)),
    sockets: tcpSockets,
    stackMode: () => stackMode(state.desired),
    reachable,
    clock,
    log,
    emit,
    changed,
  });
}
