/**
 * What the control plane asks of the keeper. The keeper decides by policy and signs what it approved; it trusts nothing
 * that it can compute itself: plan hashes and digests of documents are made again from what they are over.
 */
import * as z from 'zod';
import { canonicalJson } from './canonical.ts';
import { type DesiredState, DesiredState as DesiredStateSchema } from './desired-state.ts';
import type { KeeperKey } from './grant.ts';
import { GrantedAction } from './grant.ts';
import { idSchema } from './ids.ts';
import type {
  Anchor,
  AnchorRequest,
  AnchorsQuery,
  KeeperAlert,
  LedgerCheck,
  LedgerPage,
  LedgerQuery,
  PersonKeyRegistration,
  PersonKeyRequest,
  PersonKeyView,
  PolicySetView,
  PolicyTestRequest,
  PolicyTestResult,
} from './keeper-views.ts';
import { Actor, Approval, Requirement } from './operation.ts';
import { PlanBody } from './plan.ts';
import { ServerState as ServerStateSchema, server_states_max } from './server-state.ts';

export { contentDigest, PlanBody, planHash } from './plan.ts';

export const Proposal = z.strictObject({
  operation_id: idSchema('operation'),
  actor: Actor,
  plan: PlanBody,
  action: GrantedAction,
  /** Present when the action is a desired state: the document itself. */
  document: DesiredStateSchema.nullable(),
  /** Present when the action is a server state: the document itself. */
  server_document: ServerStateSchema.optional(),
  /** Present when the action is the states of many servers: all of them. */
  server_documents: z.array(ServerStateSchema).min(1).max(server_states_max).optional(),
  /** The desired state that it was planned against, with the grant that the keeper gave for it. */
  basis: z.strictObject({ document: DesiredStateSchema, grant: z.string().max(65_536) }).nullable(),
  /** Server ids, or `control-plane`. */
  targets: z.array(z.string()).max(10_000),
  /** What policies match beside the plan. */
  about: z.strictObject({
    /** Git addresses or app names that the change takes code from. */
    sources: z.array(z.string().max(2_048)).max(1_000),
    servers: z
      .array(
        z.strictObject({
          name: z.string(),
          labels: z.record(z.string(), z.string()),
          environment: z.string().nullable().optional(),
        }),
      )
      .max(10_000),
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

const approvals = z.array(Approval);

/** What the keeper says of a proposal. A proposal is decided once: asking again gives what was said, or what it is by now. */
export const Decision = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('approved'), grant: z.string(), policy: z.string(), approvals }),
  z.object({ decision: z.literal('waiting'), requirement: Requirement, approvals }),
  z.object({ decision: z.enum(['rejected', 'expired', 'withdrawn']), reason: z.string(), approvals }),
  z.object({
    decision: z.literal('denied'),
    reason: z.string(),
    hint: z.string().nullable(),
    policy: z.string().nullable(),
  }),
]);
export type Decision = z.infer<typeof Decision>;

/** A grant that follows from another one, or why there is none. */
export const Issued = z.discriminatedUnion('decision', [
  z.object({ decision: z.literal('approved'), grant: z.string() }),
  z.object({ decision: z.literal('denied'), reason: z.string(), hint: z.string().nullable() }),
]);
export type Issued = z.infer<typeof Issued>;

/**
 * Operations by which the keeper's own keys are exchanged: proposed and decided as any other, and carried out by the keeper itself when
 * it is shown the grant. The target of a rotation is `keeper/signing-key`, of a revocation `keeper/signing-key/<kid>`.
 */
export const keeperOperations = { rotate: 'keeper.rotate_key', revoke: 'keeper.revoke_key' } as const;
export const signing_key_target = 'keeper/signing-key';

export type KeeperApi = {
  /** Public keys that grants may be signed with now, the current one first. */
  keys(): Promise<KeeperKey[]>;
  /** Every change of its keys as a signed JWS (key-changes.ts), oldest first; empty while there was none. */
  keyHistory(): Promise<string[]>;
  /** Idempotent by operation id. @throws AppError Unavailable while the keeper is away. */
  decide(proposal: Proposal): Promise<Decision>;
  /**
   * What became of a proposal that waited, expired or signed by now: ask again when its window opens. Null when the keeper knows none of that id.
   */
  decisionOf(operation_id: string): Promise<Decision | null>;
  /** @throws AppError Conflict (another plan, no longer waiting), Forbidden (the proposer's own approval, role, proof). */
  speak(word: Word): Promise<Decision>;
  /** Takes a proposal back that waits. Idempotent. */
  withdraw(operation_id: string): Promise<void>;
  /** Turns an invitation that the keeper signed, and its token, into the grant that enrols one server. */
  enrol(request: { invitation: string; token: string }): Promise<Issued>;
  /**
   * Enrols a server for a stack whose desired state names it among its `targets`: the grant is the one that the keeper gave for exactly that
   * document, and the server has an enrolment of this keeper's already. No new decision: who approved the document approved its targets.
   */
  enrolTarget(request: {
    grant: string;
    document: DesiredState;
    server_id: string;
    enrolment_grant: string;
  }): Promise<Issued>;
  /**
   * Signs a desired state, or a server state, again that the keeper signed before, with a new expiry, for one server: one that it already
   * named, or one whose enrolment grant allows that stack. From a grant for the states of many servers it signs the server its own. It is no new
   * decision, and so allows nothing new.
   */
  reissue(request: { grant: string; server_id: string; enrolment_grant: string }): Promise<Issued>;
  /**
   * Takes an approved desired state back: signs, as the version after it, exactly the content that its plan named as `undo_sha256`, which
   * this keeper had signed before. Once, within a day, and only while nothing newer of the stack is approved. The document is the
   * one to be signed. Idempotent by it.
   */
  undo(request: { grant: string; document: DesiredState }): Promise<Issued>;
  /** Makes a new signing key; the present one signs that, and retires. Once for each `grant` that was given for `keeper.rotate_key`. */
  rotateSigningKey(request: { grant: string }): Promise<KeeperKey>;
  /** Ends the trust in a former key, which the plan of the `grant` for `keeper.revoke_key` names. Never in the current one. */
  revokeSigningKey(request: { grant: string }): Promise<KeeperKey[]>;

  policies(): Promise<PolicySetView>;
  /** Tries cases against the policies in force, or against others; decides nothing. @throws AppError InvalidInput */
  testPolicies(request: PolicyTestRequest): Promise<PolicyTestResult[]>;

  /** The first key of all is admitted when its person is an owner; every later one is pending. Idempotent by key. */
  registerKey(request: PersonKeyRegistration): Promise<PersonKeyView>;
  /** @throws AppError Forbidden (who signed may not), NotFound, Conflict (a used statement, a revoked key). */
  admitKey(request: PersonKeyRequest): Promise<PersonKeyView>;
  revokeKey(request: PersonKeyRequest): Promise<PersonKeyView>;
  listKeys(): Promise<PersonKeyView[]>;

  ledger(query: LedgerQuery): Promise<LedgerPage>;
  verifyLedger(): Promise<LedgerCheck>;
  /** Notes how far a chain had come. @throws AppError Conflict (fewer than noted before, or another hash), and an alert stands. */
  anchor(request: AnchorRequest): Promise<Anchor>;
  /** Newest first. */
  anchors(query: AnchorsQuery): Promise<Anchor[]>;
  /** What a person should look at. */
  alerts(): Promise<KeeperAlert[]>;
};

/** True when two JSON values are the same by their canonical form. */
export function sameJson(a: unknown, b: unknown): boolean {
  return canonicalJson(a) === canonicalJson(b);
}
