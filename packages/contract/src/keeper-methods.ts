/**
 * The keeper's methods as they go over its socket: `POST /v1/<method>` with one JSON value, answered by one JSON value. Both sides check
 * against these shapes, so that neither takes the other's word for them.
 */
import * as z from 'zod';
import { DesiredState } from './desired-state.ts';
import { KeeperKey } from './grant.ts';
import { idSchema } from './ids.ts';
import { Decision, Issued, type KeeperApi, Proposal, Word } from './keeper-api.ts';
import {
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

const nothing = z.null();
const jws = z.string().max(65_536);

export const keeperMethods = {
  keys: { input: nothing, output: z.array(KeeperKey) },
  keyHistory: { input: nothing, output: z.array(z.string()) },
  rotateSigningKey: { input: z.strictObject({ grant: jws }), output: KeeperKey },
  revokeSigningKey: { input: z.strictObject({ grant: jws }), output: z.array(KeeperKey) },
  decide: { input: Proposal, output: Decision },
  decisionOf: { input: idSchema('operation'), output: Decision.nullable() },
  speak: { input: Word, output: Decision },
  withdraw: { input: idSchema('operation'), output: nothing },
  enrol: { input: z.strictObject({ invitation: jws, token: z.string().max(1_024) }), output: Issued },
  enrolTarget: {
    input: z.strictObject({
      grant: jws,
      document: DesiredState,
      server_id: idSchema('server'),
      enrolment_grant: jws,
    }),
    output: Issued,
  },
  reissue: {
    input: z.strictObject({ grant: jws, server_id: idSchema('server'), enrolment_grant: jws }),
    output: Issued,
  },
  undo: { input: z.strictObject({ grant: jws, document: DesiredState }), output: Issued },
  policies: { input: nothing, output: PolicySetView },
  testPolicies: { input: PolicyTestRequest, output: z.array(PolicyTestResult) },
  registerKey: { input: PersonKeyRegistration, output: PersonKeyView },
  admitKey: { input: PersonKeyRequest, output: PersonKeyView },
  revokeKey: { input: PersonKeyRequest, output: PersonKeyView },
  listKeys: { input: nothing, output: z.array(PersonKeyView) },
  ledger: { input: LedgerQuery, output: LedgerPage },
  verifyLedger: { input: nothing, output: LedgerCheck },
  anchor: { input: AnchorRequest, output: Anchor },
  anchors: { input: AnchorsQuery, output: z.array(Anchor) },
  alerts: { input: nothing, output: z.array(KeeperAlert) },
} as const satisfies Record<keyof KeeperApi, { input: z.ZodType; output: z.ZodType }>;

export type KeeperMethod = keyof typeof keeperMethods;

/** The largest body either way: a proposal holds up to two desired states. */
export const keeper_body_bytes_max = 16 * 1024 * 1024;
/** How long a call may take, milliseconds; beyond it the keeper counts as away. */
export const keeper_call_timeout_ms = 15_000;
