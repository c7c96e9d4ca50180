/**
 * What the control plane asks of the keeper. The keeper decides by policy and signs what it approved; it trusts nothing
 * that it can compute itself: plan hashes and digests of documents are made again from what they are over.
 */
import * as z from 'zod';
import { canonicalJson, digestOf } from './canonical.ts';
import { type DesiredState, DesiredState as DesiredStateSchema } from './desired-state.ts';
import type { KeeperKey } from './grant.ts';
import { GrantedAction } from './grant.ts';
import { idSchema } from './ids.ts';
import { Actor, PlanChange } from './operation.ts';

/** What a plan's hash is over. Two plans with one hash do the same to the same state. */
export const PlanBody = z.strictObject({
  operation: z.string(),
  target: z.string().describe('Name of the noun that changes, such as `stack/shop`.'),
  /** What the plan was made against: the version of a stack, the revision of a row; 0 where there was nothing. */
  base: z.int(),
  changes: z.array(PlanChange),
  /** SHA-256 of the desired state without its stack id and version, where the plan makes one. */
  content_sha256: z.string().nullable(),
});
export type PlanBody = z.infer<typeof PlanBody>;

export async function planHash(body: PlanBody): Promise<string> {
  return digestOf(body);
}

/** SHA-256 of what a desired state says, apart from which stack and version it is. */
export async function contentDigest(document: DesiredState): Promise<string> {
  const { stack_id: _, version: __, ...content } = document;
  return digestOf(content);
}

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
});
export type Proposal = z.infer<typeof Proposal>;

export type Decision =
  | { decision: 'approved'; grant: string }
  | { decision: 'denied'; reason: string; hint: string | null };

export type KeeperApi = {
  /** Public keys, the current one first. */
  keys(): Promise<KeeperKey[]>;
  decide(proposal: Proposal): Promise<Decision>;
  /** Turns an invitation that the keeper signed, and its token, into the grant that enrols one server. */
  enrol(request: { invitation: string; token: string }): Promise<Decision>;
  /**
   * Signs a desired state again that the keeper signed before, with a new expiry, for one server: one that it already
   * named, or one whose enrolment grant allows that stack. It is no new decision, and so allows nothing new.
   */
  reissue(request: { grant: string; server_id: string; enrolment_grant: string }): Promise<Decision>;
};

/** True when two JSON values are the same by their canonical form. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
