/** What the keeper shows of itself: its policies, the keys of people, its ledger, its anchors, and what a person should look at. */
import * as z from 'zod';
import { Digest } from './desired-state.ts';
import { idSchema } from './ids.ts';
import { JsonValue, Requirement, Role } from './operation.ts';
import { limitsOfPolicies, PolicyCase, PolicyRule } from './policy.ts';
import { PersonKey } from './proof.ts';

export const PolicyProblem = z.strictObject({
  file: z.string().nullable(),
  message: z.string(),
  hint: z.string().nullable(),
  since: z.int(),
});
export type PolicyProblem = z.infer<typeof PolicyProblem>;

/** The policies that are in force. With an error they are the last good ones, not what stands in the files. */
export const PolicySetView = z
  .object({
    source: z
      .enum(['default', 'folder'])
      .describe('`default`: the set that Mainstay brings, where the folder holds no file.'),
    folder: z.string().nullable(),
    files: z.array(z.object({ name: z.string(), sha256: Digest })),
    rules: z.array(
      z.object({ name: z.string().describe('File and rule, such as `production/deploys`.'), rule: PolicyRule }),
    ),
    digest: Digest.describe('SHA-256 over all files.'),
    loaded_at: z.int(),
    error: PolicyProblem.nullable(),
  })
  .meta({ id: 'PolicySet' });
export type PolicySetView = z.infer<typeof PolicySetView>;

export const PolicyTestRequest = z.strictObject({
  cases: z.array(PolicyCase).max(limitsOfPolicies.cases_max),
  /** Policies to try instead of those in force. */
  files: z
    .array(z.strictObject({ name: z.string().max(255), text: z.string().max(limitsOfPolicies.file_bytes_max) }))
    .max(limitsOfPolicies.files_max)
    .optional(),
});
export type PolicyTestRequest = z.input<typeof PolicyTestRequest>;

export const PolicyTestResult = z
  .object({
    name: z.string(),
    passed: z.boolean(),
    decision: z.enum(['approved', 'waiting', 'denied']),
    policy: z.string().nullable(),
    reason: z.string().nullable().describe('Why it would be denied.'),
    requirement: Requirement.nullable(),
    message: z.string().nullable().describe('What is other than expected.'),
  })
  .meta({ id: 'PolicyTestResult' });
export type PolicyTestResult = z.infer<typeof PolicyTestResult>;

export const PersonKeyState = z.enum(['pending', 'admitted', 'revoked']);
export const PersonKeyView = z
  .object({
    id: Digest.describe(
      'Thumbprint of the key (RFC 7638), in hexadecimal: what two people compare before one admits it.',
    ),
    user_id: idSchema('user'),
    user_name: z.string(),
    name: z.string().describe('Where the key is, such as `laptop`.'),
    key: PersonKey,
    role: Role.describe('What the person may be at most when this key proves them; said by who admitted it.'),
    state: PersonKeyState,
    trust: z
      .enum(['first_use', 'admitted'])
      .nullable()
      .describe('`first_use`: the first key of all, taken at its word.'),
    registered_at: z.int(),
    admitted_at: z.int().nullable(),
    admitted_by: Digest.nullable().describe('Key that signed the admission.'),
    revoked_at: z.int().nullable(),
  })
  .meta({ id: 'PersonKeyView' });
export type PersonKeyView = z.infer<typeof PersonKeyView>;

export const PersonKeyRegistration = z.strictObject({
  user_id: idSchema('user'),
  user_name: z.string().min(1).max(200),
  /** What the person is now by the gateway's word; binds nothing until somebody admits the key with a role. */
  role: Role,
  name: z.string().min(1).max(100),
  key: PersonKey,
});
export type PersonKeyRegistration = z.infer<typeof PersonKeyRegistration>;

/** An admission or a revocation: the statement says who wants it, by the key that signed it. */
export const PersonKeyRequest = z.strictObject({ key_id: Digest, proof: z.string().max(4_096) });
export type PersonKeyRequest = z.infer<typeof PersonKeyRequest>;

export const LedgerEntry = z
  .object({
    seq: z.int().min(1),
    at: z.int(),
    kind: z
      .string()
      .describe('Such as `approved`, `word`, `enrolled`, `reissued`, `undone`, `key_rotated`, `anchored`.'),
    operation_id: z.string().nullable(),
    body: JsonValue,
    previous: Digest.nullable(),
    hash: Digest.describe('SHA-256 over the canonical JSON of all the other fields.'),
  })
  .meta({ id: 'LedgerEntry' });
export type LedgerEntry = z.infer<typeof LedgerEntry>;

export const ledger_page_max = 1_000;
export const LedgerQuery = z.strictObject({
  after: z.int().min(0).default(0),
  limit: z.int().min(1).max(ledger_page_max).default(100),
});
export type LedgerQuery = z.input<typeof LedgerQuery>;

const LedgerHead = z.object({ seq: z.int(), hash: Digest });
export const LedgerPage = z.object({ entries: z.array(LedgerEntry), head: LedgerHead.nullable() });
export type LedgerPage = z.infer<typeof LedgerPage>;

export const LedgerCheck = z.object({
  ok: z.boolean(),
  entries: z.int().describe('How many were looked at and found right.'),
  head: LedgerHead.nullable(),
  problem: z.object({ seq: z.int(), message: z.string() }).nullable(),
});
export type LedgerCheck = z.infer<typeof LedgerCheck>;

export const AnchorKind = z.enum(['audit', 'mirror']);
/** How far a chain had come: with `audit` the hash of an entry, with `mirror` the id of a commit. */
export const AnchorRequest = z.strictObject({
  kind: AnchorKind,
  seq: z.int().min(0),
  hash: z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, 'must be a SHA-256, or the id of a Git commit'),
});
export type AnchorRequest = z.infer<typeof AnchorRequest>;

export const anchor_type = 'mainstay-anchor+jws';
export const Anchor = AnchorRequest.extend({
  at: z.int(),
  jws: z.string().describe('The anchor, signed by the keeper (compact JWS).'),
}).meta({ id: 'Anchor' });
export type Anchor = z.infer<typeof Anchor>;

export const AnchorsQuery = z.strictObject({ kind: AnchorKind, limit: z.int().min(1).max(1_000).default(100) });
export type AnchorsQuery = z.input<typeof AnchorsQuery>;

export const KeeperAlert = z
  .object({
    kind: z.enum(['policy_broken', 'anchor_refused', 'ledger_lost']),
    message: z.string(),
    hint: z.string(),
    since: z.int(),
  })
  .meta({ id: 'KeeperAlert' });
export type KeeperAlert = z.infer<typeof KeeperAlert>;
