/** What the stack of a server has to do with its security: its own mode, and the ports of its proxy that the outside is to reach. */
import type { SecurityMode } from '@mainstay/contract/stack';
import type { DesiredStates, StoredState } from '../state/desired-states.ts';

/** The mode of the stack that is in force; null where there is none. */
export function stackMode({ applied }: Pick<DesiredStates, 'applied'>): SecurityMode | null {
  return applied()?.document.security_mode ?? null;
}

/** Ports on which the proxy serves the outside, those of a deployment that is under way included: they are open when it serves. */
export function publicPorts({ applied, accepted, receipt }: DesiredStates): number[] {
  const next = accepted();
  const is_coming = next && receipt(next.stack_id, next.version)?.state === 'running';
  return [...publicPort(applied()), ...(is_coming ? publicPort(next) : [])];
}

function publicPort(state: StoredState | null): number[] {
  const proxy = state?.document.proxy;
  return proxy?.bind === 'public' ? [proxy.port] : [];
}
