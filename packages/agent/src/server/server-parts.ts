/** The parts of this server that server states speak of, put together. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { Context } from '../reconciler/context.ts';
import type { Secrets } from '../reconciler/secrets.ts';
import { cloudflared } from '../tunnel/cloudflared.ts';
import { createTunnelPart } from '../tunnel/tunnel-part.ts';
import type { ServerPart } from './server-part.ts';

export type ServerParts = {
  all: readonly ServerPart[];
  /** Takes back what runs of them; before the supervisor's sweep. Gives the ids of instances that are theirs. */
  recover(): Promise<string[]>;
  observe(): Pick<AgentState, 'security' | 'tunnel'>;
  /** Ends what runs of them. */
  stop(): Promise<void>;
};

export function createServerParts(home: string, context: Context, secrets: Secrets): ServerParts {
  const { supervisor, clock, log, emit, changed } = context;
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
    all: [tunnel],
    recover: tunnel.recover,
    observe: () => ({ security: null, tunnel: tunnel.observe() }),
    stop: tunnel.stop,
  };
}
