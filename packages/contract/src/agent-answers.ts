/**
 * The half of the agent API that an agent reads: its bounds, and the answers of the control plane. A file of its own, because
 * each schema costs memory, and an agent, which is to stay small, needs no schema for what it only writes.
 */
import * as z from 'zod';
import { DesiredState, Digest } from './desired-state.ts';
import { KeeperKey } from './grant.ts';
import { idSchema } from './ids.ts';
import { PlanBody } from './plan.ts';
import { ServerState } from './server-state.ts';
import { DnsName } from './stack.ts';

export const agentApiLimits = {
  events_per_batch_max: 500,
  log_lines_per_batch_max: 2_000,
  /** A longer line is cut by the agent, and says so. */
  log_line_bytes_max: 16_384,
  wait_seconds_max: 55,
  body_bytes_max: 8 * 1024 * 1024,
} as const;

/** Enrolment token: `mst_<secret>.<keeper key id>`; the second half pins the keeper before anything is trusted. */
export const EnrolmentToken = z
  .string()
  .regex(/^mst_[A-Za-z0-9_-]{43}\.[0-9a-f]{64}$/, 'must be an enrolment token (mst_…)');

/** Changes of the keeper's keys, oldest first, each signed by the key before it; what is old already changes nothing. */
const KeyChanges = z.array(z.string().max(131_072)).max(1_000).default([]);

export const EnrolResponse = z.object({
  server_id: idSchema('server'),
  server: DnsName,
  keeper_keys: z.array(KeeperKey).min(1).max(20),
  key_changes: KeyChanges,
  enrolment_grant: z.string().max(8_192),
  time_ms: z.int(),
});
export type EnrolResponse = z.infer<typeof EnrolResponse>;

export const DesiredStateResponse = z.object({
  document: DesiredState,
  sha256: Digest,
  grant: z.string().max(65_536),
  /** The plan that people approved: its hash is the one in the grant, and it names the content of the document. */
  plan: PlanBody.nullable().default(null),
  key_changes: KeyChanges,
});
export type DesiredStateResponse = z.infer<typeof DesiredStateResponse>;

export const SecretsResponse = z.object({
  secrets: z.record(Digest, z.object({ key: Digest, value: z.string() })),
});

/** Header of an answer to the desired-state poll: a newer server state waits for the next heartbeat; its value is the version. */
export const server_state_header = 'mainstay-server-state';

/** Header of an answer to the desired-state poll: there are inquiries to be fetched. */
export const inquiry_header = 'mainstay-inquiry';

/** What may be asked of an agent: a closed list, of which nothing changes anything (ADR 0031). */
export const Inquiry = z.strictObject({
  id: idSchema('inquiry'),
  kind: z.literal('diagnose'),
  /** One of the units that the agent itself lists; null for its own log only. */
  unit: z.string().max(128).nullable(),
  lines: z.int().min(1).max(500),
});
export type Inquiry = z.infer<typeof Inquiry>;
/** Each is read by itself, so that one of a kind that this agent does not know is refused and not in the way of others. */
export const InquiriesResponse = z.object({
  inquiries: z.array(z.looseObject({ id: idSchema('inquiry') })).max(20),
  time_ms: z.int(),
});

/** A server state with the plan that people approved and the grant that allows it on this server. */
export const ServerStateOffer = z.object({
  document: ServerState,
  sha256: Digest,
  grant: z.string().max(65_536),
  plan: PlanBody,
});
export type ServerStateOffer = z.infer<typeof ServerStateOffer>;

export const HeartbeatResponse = z.object({
  time_ms: z.int(),
  key_changes: KeyChanges,
  /** A newer server state than the heartbeat reported. */
  server_state: ServerStateOffer.nullable().default(null),
});

/** Why a credential is refused: its server was removed, by this grant (action `removal`). Of any other the answer is NotFound. */
export const RemovalResponse = z.object({ grant: z.string().max(8_192) });

export const AckResponse = z.object({ acked_seq: z.int().describe('Everything up to this number is stored.') });
