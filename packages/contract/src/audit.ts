/**
 * Audit entries: what was proposed, decided, signed, done and refused, each in a chain of hashes. The hash of an entry is
 * SHA-256 over the canonical JSON (RFC 8785) of `{ body, prev, seq }`, where `prev` is the hash before it; the first one
 * follows a genesis that names the installation. So no entry can be changed, left out or moved without all after it changing.
 */
import * as z from 'zod';
import { canonicalJson, digestOf, sha256Hex } from './canonical.ts';
import { Digest } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { Actor, JsonValue } from './operation.ts';

/** The closed set of what is audited. */
export const auditKinds = [
  'operation.proposed',
  'operation.waiting',
  'operation.approved',
  'operation.denied',
  'operation.rejected',
  'operation.expired',
  'operation.signed',
  'operation.started',
  'operation.succeeded',
  'operation.failed',
  'operation.compensated',
  'operation.cancelled',
  'operation.refused',
  'approval.given',
  'run.paused',
  'run.resumed',
  'run.retried',
  'run.cancelled',
  'step.succeeded',
  'step.failed',
  'step.compensated',
  'receipt',
  'access.signed_in',
  'access.signed_out',
  'access.refused',
  'access.link_created',
  'access.key_created',
  'access.key_revoked',
  'access.user_created',
  'access.user_changed',
  'access.user_removed',
  'policy.changed',
  'policy.alert',
  'key.created',
  'key.rotated',
  'key.revoked',
  'key.admitted',
  'mirror.anchored',
  'mirror.alert',
  'keeper.anchored',
  'audit.pruned',
  'audit.alert',
] as const;
export const AuditKind = z.enum(auditKinds);
export type AuditKind = z.infer<typeof AuditKind>;

/** The kinds that these filters name: kinds as they are, or beginnings with their dot, such as `access.`. */
export function auditKindsOf(filters: readonly string[]): AuditKind[] {
  const fits = (kind: string) => filters.some((name) => (name.endsWith('.') ? kind.startsWith(name) : kind === name));
  return auditKinds.filter(fits);
}

export const AuditOutcome = z.enum(['succeeded', 'failed', 'refused']);
export type AuditOutcome = z.infer<typeof AuditOutcome>;

export const AuditEntry = z
  .object({
    id: idSchema('audit'),
    at: z.int().describe('UTC milliseconds.'),
    kind: AuditKind,
    actor: Actor.nullable().describe('Null where nobody was proven, as at a refused sign-in.'),
    operation: z.string().nullable().describe('Id of the operation in the contract, such as `stacks.deploy`.'),
    operation_id: z.string().nullable(),
    run_id: z.string().nullable(),
    target: z.string().nullable().describe('What it is about, such as `stack/shop` or `server/main`.'),
    plan_hash: z.string().nullable(),
    outcome: AuditOutcome.nullable(),
    data: z.record(z.string(), JsonValue).describe('What else is worth keeping. Never a secret.'),
  })
  .meta({ id: 'AuditEntry' });
export type AuditEntry = z.infer<typeof AuditEntry>;

/** An entry's place in the chain. */
export const ChainHead = z.object({ seq: z.int().min(1), hash: Digest }).meta({ id: 'AuditHead' });
export type ChainHead = z.infer<typeof ChainHead>;

/** A place of the chain that was noted where the database cannot reach: with the keeper, or in the mirror. */
export const AuditAnchor = z
  .object({
    seq: z.int().min(1),
    hash: Digest,
    at: z.int().describe('When it was noted, UTC milliseconds.'),
    source: z.enum(['keeper', 'mirror']),
    jws: z
      .string()
      .max(4_096)
      .nullable()
      .describe('The keeper’s signed statement; null of the mirror, whose commit is signed.'),
  })
  .meta({ id: 'AuditAnchor' });
export type AuditAnchor = z.infer<typeof AuditAnchor>;

/** What an `audit.pruned` entry carries: entries to this place were removed, this one included. */
export const PruneMark = z.object({ through_seq: z.int().min(1), through_hash: Digest });
export type PruneMark = z.infer<typeof PruneMark>;

/** SHA-256 that the first entry follows: it names the installation, so that no chain passes for another's. */
export async function genesisOf(installation_id: string): Promise<string> {
  return digestOf({ chain: 'mainstay-audit', installation_id });
}

/** The text that an entry's hash is over; `body` is the canonical JSON of the entry. */
export function chainText(seq: number, prev: string, body: string): string {
  return `{"body":${body},"prev":${JSON.stringify(prev)},"seq":${seq}}`;
}

export async function chainHash(seq: number, prev: string, body: string): Promise<string> {
  return sha256Hex(chainText(seq, prev, body));
}

/** First line of an export, and `chain.json` of a mirror: whose chain it is. */
export const ExportHeader = z.object({
  mainstay_audit: z.literal(1),
  installation_id: z.string().max(64),
  genesis: Digest,
  /** False where a filter left entries out; such a file cannot be verified. */
  whole: z.boolean(),
  anchors: z.array(AuditAnchor).max(10_000),
});
export type ExportHeader = z.infer<typeof ExportHeader>;

/** Last line of an export, so that one which was cut is known. */
export const ExportEnd = z.object({ end: z.object({ seq: z.int().nullable(), hash: z.string().nullable() }) });

/** One line of an export or of a mirror's file. */
export function exportLine(seq: number, prev: string, hash: string, body: string): string {
  const rest = `"hash":${JSON.stringify(hash)},"prev":${JSON.stringify(prev)},"seq":${seq}}`;
  return isObjectText(body) ? `{"body":${body},${rest}` : `{"body_text":${JSON.stringify(body)},${rest}`;
}

/** Whether a body can stand in a line as it is; one that was damaged is told as text. */
function isObjectText(body: string): boolean {
  try {
    return !/[\r\n]/.test(body) && canonicalJson(JSON.parse(body)) === body;
  } catch {
    return false;
  }
}
