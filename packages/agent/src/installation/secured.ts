/** The security mode of this server in words, and waiting for it where a server is installed with one. */
import { AppError } from '@mainstay/contract/errors';
import type { SecurityObserved, SecuritySettings } from '@mainstay/contract/server-state';
import { askAgent } from './agent-socket.ts';

/** The dead man of a change has run by then. */
const secured_ms = 90_000;

/** `tunnel, in force by nftables; open: nothing; SSH from 10.0.0.0/8` */
export function securityText(security: SecurityObserved | null): string {
  if (security === null) return 'none, the agent may not set the firewall';
  const { mode, state, firewall, open_ports, ssh_from, message } = security;
  const why = message === null ? '' : `: ${message}`;
  if (mode === 'none') return `none${state === 'off' ? '' : ` (${state}${why})`}`;
  const open = [...open_ports.map((port) => `port ${port}`), ...ssh_from.map((network) => `SSH from ${network}`)];
  const is = state === 'in_force' ? 'in force' : `${state}${why}`;
  return `${mode}, ${is} by ${firewall}; open: ${open.length > 0 ? open.join(', ') : 'nothing'}`;
}

/** Waits until the mode that was chosen is in force, and gives it in words. Throws AppError with the agent's own words when it is not. */
export async function waitUntilSecured({ mode }: SecuritySettings): Promise<string> {
  const deadline = Date.now() + secured_ms;
  let seen: SecurityObserved | null = null;
  while (Date.now() < deadline) {
    const state = (await askAgent())?.state;
    seen = state?.security ?? null;
    // What was signed since holds, and not what is chosen here.
    if (state?.server && seen) return securityText(seen);
    if (seen?.state === 'in_force' && seen.mode === mode) return securityText(seen);
    if (seen?.state === 'reverted' || seen?.state === 'failed') break;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new AppError(
    'Conflict',
    `The server is enrolled, and the security mode ${mode} is not in force: ${seen?.message ?? 'the agent does not tell of it'}`,
    {
      hint: 'The agent tries again by itself. Choose another in the dashboard, or by: mainstay servers secure SERVER MODE',
    },
  );
}
