/** The audit trail: who did what, when, to what, and whether the record of it is whole. */
import * as z from 'zod';
import { AuditAnchor, AuditEntry, AuditOutcome, auditKindsOf, ChainHead } from '../audit.ts';
import { AuditProblem } from '../audit-verify.ts';
import { Digest } from '../desired-state.ts';
import { read } from '../operation.ts';

const AuditKindFilter = z
  .string()
  .max(64)
  .refine((name) => auditKindsOf([name]).length > 0, 'must be a kind of entry, or the beginning of some, as `access.`');

const auditFilter = {
  actor: z.string().max(128).optional().describe('Name or id of who did it.'),
  target: z.string().max(256).optional().describe('What it is about, such as `stack/shop`.'),
  operation: z.string().max(64).optional().describe('Id of the operation in the contract, such as `stacks.deploy`.'),
  operation_id: z.string().max(64).optional(),
  kind: z
    .array(AuditKindFilter)
    .min(1)
    .max(50)
    .optional()
    .describe('Kinds such as `access.refused`, or beginnings of kinds such as `operation.`.'),
  outcome: AuditOutcome.optional(),
  search: z.string().max(256).optional().describe('Only entries that hold this text, letter case aside.'),
  from: z.int().min(0).optional().describe('Not before this time, UTC milliseconds.'),
  to: z.int().min(0).optional().describe('Not after this time, UTC milliseconds.'),
} as const;

/** Query of GET /api/v1/audit/export, which answers with text and so is no operation. */
export const AuditExport = z.strictObject({
  format: z.enum(['jsonl', 'csv']).default('jsonl'),
  ...auditFilter,
});
export type AuditExport = z.infer<typeof AuditExport>;

export const AuditEntryView = z
  .object({
    cursor: z.int(),
    seq: z.int().nullable().describe('Number in the chain; null until it is chained, within moments.'),
    hash: z.string().nullable(),
    ...AuditEntry.shape,
  })
  .meta({ id: 'AuditEntryView' });
export type AuditEntryView = z.infer<typeof AuditEntryView>;

export const listAudit = read({
  id: 'audit.list',
  summary: 'List audit entries, oldest first',
  description:
    'Without `after`, the newest `limit` entries. With it, those after that cursor: repeat with `next` to go on. With `before`, those before that cursor: repeat with the cursor of the first one to page backwards. All of them as one text: GET /api/v1/audit/export?format=jsonl|csv.',
  permission: 'audit:read',
  http: { method: 'GET', path: '/audit' },
  cli: { command: ['audit', 'list'] },
  input: {
    ...auditFilter,
    after: z.int().min(0).optional(),
    before: z.int().min(1).optional(),
    limit: z.int().min(1).max(1_000).default(100),
  },
  output: z.object({
    entries: z.array(AuditEntryView),
    next: z.int(),
    more: z.boolean().describe('More fit than `limit`: older ones, or with `after` newer ones.'),
  }),
});

export const getAuditHead = read({
  id: 'audit.head',
  summary: 'Tell where the audit chain ends, and what was noted of it elsewhere',
  permission: 'audit:read',
  http: { method: 'GET', path: '/audit/head' },
  cli: { command: ['audit', 'head'] },
  input: {},
  output: z.object({
    installation_id: z.string(),
    genesis: Digest,
    head: ChainHead.nullable(),
    pending: z.int().describe('Entries that wait to be chained.'),
    alerts: z
      .array(z.object({ kind: z.string(), target: z.string(), message: z.string(), since: z.int() }))
      .describe('What Mainstay itself found wrong with the trail, its mirror or the keeper, and is not over.'),
    pruned_through: z.int().nullable().describe('Entries up to this number were removed for their age or number.'),
    anchors: z.array(AuditAnchor).describe('The newest anchor of each kind.'),
    mirror: z
      .object({
        commit: z.string().nullable(),
        seq: z.int().describe('Entries up to this number are in the mirror.'),
        problem: z.string().nullable(),
        remotes: z.array(
          z.object({
            url: z.string(),
            commit: z.string().nullable().describe('What it was last given.'),
            problem: z.string().nullable(),
            retry_at: z.int().nullable(),
          }),
        ),
      })
      .nullable()
      .describe('Null where no mirror runs.'),
  }),
});

export const verifyAudit = read({
  id: 'audit.verify',
  summary: 'Verify the audit chain; names what was edited, deleted, moved or cut off',
  description:
    'Walks the chain for a few seconds at most, and at its end holds the keeper’s ledger against what the chain noted of it. When `complete` is false, go on with `after` and `after_hash` of the `head` that was given.',
  permission: 'audit:read',
  http: { method: 'GET', path: '/audit/verify' },
  cli: { command: ['audit', 'check'] },
  input: {
    after: z.int().min(1).optional().describe('Number of the last entry that was verified before.'),
    after_hash: Digest.optional().describe('Its hash.'),
  },
  output: z.object({
    ok: z.boolean(),
    complete: z.boolean().describe('The walk came to the end of the chain.'),
    entries: z.int().describe('Entries that were looked at.'),
    first_seq: z.int().nullable(),
    head: ChainHead.nullable().describe('The last place that was looked at.'),
    total: z.int().describe('Number of the newest entry of the chain.'),
    pending: z.int(),
    anchors_checked: z.int(),
    keeper_reached: z
      .boolean()
      .describe('False while the keeper is away: then an end that was cut off may not be found out.'),
    problems: z.array(AuditProblem),
    more_problems: z.boolean(),
  }),
});
