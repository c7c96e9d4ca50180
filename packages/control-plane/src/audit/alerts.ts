/**
 * Alerts: what a person should look at, each raised once as an event and an audit entry, and once more when it is over. Which ones stand
 * is read from the trail itself, so that a restart neither repeats nor forgets one.
 */
import type { AuditKind } from '@mainstay/contract/audit';
import type { Actor } from '@mainstay/contract/operation';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import type { Store } from '../store/store.ts';
import { auditEntry } from './audit-entry.ts';

const alertKinds = ['audit.alert', 'mirror.alert', 'policy.alert'] as const satisfies readonly AuditKind[];
type AlertKind = (typeof alertKinds)[number];

/** `target` names what it is about: of one kind and target one alert stands at a time. */
export type Alert = { kind: AlertKind; target: string; message: string };
export type StandingAlert = Alert & { since: number };

const actor: Actor = { kind: 'system', id: 'audit', name: 'audit', role: null, proof: 'none' };
const told_chars_max = 1_000;

/** Alerts that were raised and are not over. */
export async function standingAlerts(store: Store): Promise<StandingAlert[]> {
  const rows = await store.db
    .selectFrom('audit_entries')
    .select(['kind', 'target', 'outcome', 'at', 'body'])
    .where('position', 'in', (e) =>
      e
        .selectFrom('audit_entries')
        .select(({ fn }) => fn.max('position').as('position'))
        .where('kind', 'in', alertKinds)
        .groupBy(['kind', 'target']),
    )
    .execute();
  return rows
    .filter(({ outcome }) => outcome === 'failed')
    .map(({ kind, target, at, body }) => ({
      kind: kind as AlertKind,
      target: target ?? '',
      message: messageOf(body),
      since: at,
    }));
}

/**
 * Raises what was found and does not stand, and ends what stands and was not found.
 * @param isKnown Whether it could be looked for now; what could not stays as it is.
 */
export async function tellAlerts(
  { store, clock, signals }: Pick<Context, 'store' | 'clock' | 'signals'>,
  found: readonly Alert[],
  isKnown: (alert: Alert) => boolean,
): Promise<void> {
  const keyOf = ({ kind, target }: Alert) => `${kind} ${target}`;
  const standing = new Map((await standingAlerts(store)).map((alert) => [keyOf(alert), alert]));
  const present = new Set(found.map(keyOf));
  const raised = found.filter((alert) => !standing.has(keyOf(alert)));
  const over = [...standing.values()].filter((alert) => !present.has(keyOf(alert)) && isKnown(alert));
  const at = clock.now();
  const statements = [
    ...raised.map((alert) => ({ alert, outcome: 'failed' as const, text: alert.message })),
    ...over.map((alert) => ({ alert, outcome: 'succeeded' as const, text: `Over: ${alert.message}` })),
  ].flatMap(({ alert: { kind, target }, outcome, text }) => {
    const message = text.slice(0, told_chars_max).toWellFormed();
    const severity = outcome === 'failed' ? ('error' as const) : ('info' as const);
    return [
      insertEvent(store, { kind, severity, message, at, actor: actor.name }),
      auditEntry(store, { kind, at, actor, target, outcome, data: { message } }),
    ];
  });
  if (statements.length === 0) return;
  await store.batch(statements);
  signals.notify('events');
}

function messageOf(body: string): string {
  try {
    return String((JSON.parse(body) as { data: { message?: unknown } }).data.message);
  } catch {
    return 'The entry of this alert is damaged.';
  }
}
