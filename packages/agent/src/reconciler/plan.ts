/** What has to be done to get from the applied desired state to the accepted one: a pure comparison. */
import type { DesiredService, DesiredState } from '@mainstay/contract/desired-state';

export type Change =
  /** A new release takes over; `from` is null when the service is new. */
  | { kind: 'switch'; service: string; from: DesiredService | null; to: DesiredService }
  /** The same release; routes, health checks and timeouts may differ, and need no new instance. */
  | { kind: 'keep'; service: string; to: DesiredService }
  | { kind: 'remove'; service: string; from: DesiredService };

export type Plan = { changes: Change[] };

/** The services that a document wants to run: none when the stack was taken off. */
export function wantedServices(document: DesiredState | null): Record<string, DesiredService> {
  return document === null || document.removed ? {} : document.services;
}

export function planRollout(applied: DesiredState | null, accepted: DesiredState): Plan {
  const before = wantedServices(applied);
  const after = wantedServices(accepted);
  const changes: Change[] = [];
  for (const [service, to] of Object.entries(after)) {
    const from = before[service] ?? null;
    changes.push(
      from?.release_id === to.release_id ? { kind: 'keep', service, to } : { kind: 'switch', service, from, to },
    );
  }
  for (const [service, from] of Object.entries(before)) {
    if (!(service in after)) changes.push({ kind: 'remove', service, from });
  }
  return { changes };
}

export function switches(plan: Plan) {
  return plan.changes.filter((change) => change.kind === 'switch');
}
