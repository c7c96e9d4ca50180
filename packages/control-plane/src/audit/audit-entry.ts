/** A new audit entry, and the statement that writes it: it goes into the batch of its cause, so that neither is without the other. */
import type { AuditEntry, AuditKind, AuditOutcome } from '@mainstay/contract/audit';
import { canonicalJson } from '@mainstay/contract/canonical';
import { newId } from '@mainstay/contract/ids';
import type { Actor } from '@mainstay/contract/operation';
import type { Statement, Store } from '../store/store.ts';

export type NewAuditEntry = {
  kind: AuditKind;
  at: number;
  /** Null where nobody was proven. */
  actor: Actor | null;
  operation?: string | null;
  operation_id?: string | null;
  run_id?: string | null;
  target?: string | null;
  plan_hash?: string | null;
  outcome?: AuditOutcome | null;
  /** Never a secret. What is too large of it is cut, and marked as cut. */
  data?: Record<string, unknown>;
};

/** Characters of a text; more is cut. */
const text_max = 2_000;
/** Characters of all data; more is left out. */
const data_max = 16_384;
const items_max = 1_000;
const depth_max = 8;

/** The statement that records an entry. It is chained soon afterwards, in the order of the writes. */
export function auditEntry(store: Store, given: NewAuditEntry): Statement {
  const entry = entryOf(given);
  const { id, at, kind, actor, operation, operation_id, target, outcome } = entry;
  const row = { id, at, kind, operation, operation_id, target, outcome, body: canonicalJson(entry) };
  return {
    query: store.db
      .insertInto('audit_entries')
      .values({ ...row, actor_id: actor?.id ?? null, actor_name: actor?.name ?? null }),
  };
}

function entryOf(given: NewAuditEntry): AuditEntry {
  const { actor } = given;
  return {
    id: newId('audit', given.at),
    at: Math.trunc(given.at),
    kind: given.kind,
    actor: actor && { ...actor, id: bounded(actor.id), name: bounded(actor.name) },
    operation: boundedOrNull(given.operation),
    operation_id: boundedOrNull(given.operation_id),
    run_id: boundedOrNull(given.run_id),
    target: boundedOrNull(given.target),
    plan_hash: boundedOrNull(given.plan_hash),
    outcome: given.outcome ?? null,
    data: boundedData(given.data ?? {}),
  };
}

function boundedData(data: Record<string, unknown>): AuditEntry['data'] {
  const kept = boundedValue(data, 0) as AuditEntry['data'];
  const size = JSON.stringify(kept).length;
  return size <= data_max ? kept : { left_out: `The data had ${size} characters, and ${data_max} are kept.` };
}

/** The value as JSON has it: what is too deep, too long or no JSON is told in its place. */
function boundedValue(value: unknown, depth: number): unknown {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return bounded(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value !== 'object') return value === undefined ? null : bounded(String(value));
  if (depth >= depth_max) return '[left out: too deep]';
  if (Array.isArray(value)) return value.slice(0, items_max).map((item) => boundedValue(item, depth + 1));
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.slice(0, items_max).map(([name, inner]) => [bounded(name), boundedValue(inner, depth + 1)]),
  );
}

function boundedOrNull(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : bounded(text);
}

/** Canonical JSON has no lone surrogates, and cutting may leave one. */
function bounded(text: string): string {
  return (text.length > text_max ? `${text.slice(0, text_max)}…` : text).toWellFormed();
}
