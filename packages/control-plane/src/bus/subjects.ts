/**
 * The streams of Mainstay, their subjects and their bounds. Messages name things by id and hold no secrets: whoever reads the bus
 * reads them. None of these streams is the only place of what it tells, so that what retention takes is found again in the store.
 */
import type { StreamSpec } from './bus.ts';

const minute_ms = 60_000;
const day_ms = 24 * 60 * minute_ms;
const mib = 1024 * 1024;

/** Names of the streams. */
export const stream = { pending: 'ops_pending', audit: 'ops_audit', events: 'ops_events' } as const;

/** Patterns that take all subjects of a stream. */
export const pending_subjects = 'ops.pending.*';
export const audit_subjects = 'ops.audit.>';
export const events_subjects = 'ops.events.>';

/** Where an approved operation of the contract waits for its run: `stacks.deploy` gives `ops.pending.stacks-deploy`, one token. */
export function pendingSubject(operation: string): string {
  return `ops.pending.${operation.replaceAll('.', '-')}`;
}

/** Where an audit entry of a kind is announced: `operation.denied` gives `ops.audit.operation.denied`. */
export function auditSubject(kind: string): string {
  return `ops.audit.${kind}`;
}

/** Where an event of a kind is announced. */
export function eventSubject(kind: string): string {
  return `ops.events.${kind}`;
}

export const streams: readonly StreamSpec[] = [
  {
    name: stream.pending,
    subjects: [pending_subjects],
    max_messages: 100_000,
    max_bytes: 64 * mib,
    max_age_ms: 7 * day_ms,
    max_payload_bytes: 64 * 1024,
    duplicate_window_ms: 10 * minute_ms,
  },
  {
    name: stream.audit,
    subjects: [audit_subjects],
    max_messages: 200_000,
    max_bytes: 256 * mib,
    max_age_ms: 30 * day_ms,
    max_payload_bytes: 64 * 1024,
    duplicate_window_ms: 2 * minute_ms,
  },
  {
    name: stream.events,
    subjects: [events_subjects],
    max_messages: 100_000,
    max_bytes: 64 * mib,
    max_age_ms: day_ms,
    max_payload_bytes: 64 * 1024,
    duplicate_window_ms: 2 * minute_ms,
  },
];
