/**
 * What the control plane asks of the keeper. The keeper decides by policy and signs what it approved; it trusts nothing
 * that it can compute itself: plan hashes and digests of documents are made again from what they are over.
 */
import * as z from 'zod';
import { canonicalJson } from './canonical.ts';
import { DesiredState as DesiredStateSchema } from './desired-state.ts';
import type { KeeperKey } from './grant.ts';
import { GrantedAction } from './grant.ts';
import { idSchema } from './ids.ts';
import { Actor, type Approval, type Requirement } from './operation.ts';
import { PlanBody } from './plan.ts';

export { contentDigest, PlanBody, planHash } from './plan.ts';

export const Proposal = z.strictObject({
  operation_id: idSchema('operation'),
  actor: Actor,
  plan: PlanBody,
  action: GrantedAction,
  /** Present when the action is a desired state: the document itself. */
  document: DesiredStateSchema.nullable(),
  /** The desired state that it was planned against, with the grant that the keeper gave for it. */
  basis: z.strictObject({ document: DesiredStateSchema, grant: z.string().max(65_536) }).nullable(),
  /** Server ids, or `control-plane`. */
  targets: z.array(z.string()).max(10_000),
  /** What policies match beside the plan. */
  about: z.strictObject({
    /** Git addresses or app names that the change takes code from. */
    sources: z.array(z.string().max(2_048)).max(1_000),
    servers: z.array(z.strictObject({ name: z.string(), labels: z.record(z.string(), z.string()) })).max(10_000),
    stack: z.string().nullable(),
    environment: z.string().nullable(),
  }),
  /** The proposer's own signed statement over the plan hash (`says: propose`), where there is one. */
  proof: z.string().max(4_096).nullable(),
});
export type Proposal = z.infer<typeof Proposal>;

/** A person's word on a proposal that waits. */
export const Word = z.strictObject({
  operation_id: idSchema('operation'),
  verdict: z.enum(['approve', 'reject', 'confirm']),
  actor: Actor,
  /** The plan that was looked at; another one than the proposal's is refused. */
  plan_hash: z.string().regex(/^[0-9a-f]{64}$/),
  reason: z.string().max(1_000).nullable(),
  proof: z.string().max(4_096).nullable(),
});
export type Word = z.infer<typeof Word>;

/** What the keeper says of a proposal. A proposal is decided once: asking again gives what was said, or what it is by now. */
export type Decision =
  | { decision: 'approved'; grant: string; policy: string; approvals: Approval[] }
  | { decision: 'waiting'; requirement: Requirement; approvals: Approval[] }
  | { decision: 'rejected' | 'expired' | 'withdrawn'; reason: string; approvals: Approval[] }
  | { decision: 'denied'; reason: string; hint: string | null; policy: string | null };

/** A grant that follows from another one, or why there is none. */
export type Issued =
  | { decision: 'approved'; grant: string }
  | { decision: 'denied'; reason: string; hint: string | null };

export type KeeperApi = {
  /** Public keys that grants may be signed with now, the current one first. */
  keys(): Promise<KeeperKey[]>;
  /** Every change of its keys as a signed JWS (key-changes.ts), oldest first; empty while there was none. */
  keyHistory(): Promise<string[]>;
  /** Idempotent by operation id. @throws AppError Unavailable while the keeper is away. */
  decide(proposal: Proposal): Promise<Decision>;
  /** What became of a proposal that waited; null when the keeper knows none of that id. */
  decisionOf(operation_id: string): Promise<Decision | null>;
  /** @throws AppError Conflict (another plan, no longer waiting), Forbidden (the proposer's own approval, role, proof). */
  speak(word: Word): Promise<Decision>;
  /** Takes a proposal back that waits. Idempotent. */
  withdraw(operation_id: string): Promise<void>;
  /** Turns an invitation that the keeper signed, and its token, into the grant that enrols one server. */
  enrol(request: { invitation: string; token: string }): Promise<Issued>;
  /**
   * Signs a desired state again that the keeper signed before, with a new expiry, for one server: one that it already
   * named, or one whose enrolment grant allows that stack. It is no new decision, and so allows nothing new.
   */
  reissue(request: { grant: string; server_id: string; enrolment_grant: string }): Promise<Issued>;
};

/** True when two JSON values are the same by their canonical form. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
