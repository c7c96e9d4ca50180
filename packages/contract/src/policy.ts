/**
 * Policies as files: rules that the keeper matches every proposal against. How they combine:
 *
 *   some rule that matches denies          → denied
 *   else some require something            → all that they require, together (the strictest of each)
 *   else some allow                        → approved
 *   else, nothing matched                  → denied
 *
 * A change on several servers, or with code from several sources, is judged for each pair of them, and has to hold for all.
 * Globs: `*` is any run of characters, `?` any one; everything else stands for itself.
 */
import * as z from 'zod';
import { Actor, Proof, Role } from './operation.ts';

export const limitsOfPolicies = {
  files_max: 100,
  file_bytes_max: 262_144,
  rules_max: 500,
  cases_max: 1_000,
  approvals_max: 10,
  expires_seconds_default: 86_400,
} as const;

const Glob = z.string().min(1).max(200).describe('Glob: `*` is any run of characters, `?` any one.');
const Globs = z.array(Glob).min(1, 'must name at least one; leave the field out to match everything').max(100);
const RuleName = z
  .string()
  .max(64)
  .regex(
    /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/,
    'must be lower-case letters, digits and dashes, such as `production-deploys`',
  );
const clockTime = z
  .string()
  .regex(/^([01][0-9]|2[0-3]):[0-5][0-9]$/, 'must be a time of day in quotes, such as "22:00"');

export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export const MaintenanceWindow = z
  .strictObject({
    days: z.array(z.enum(weekdays)).min(1).max(7).describe('Days on which the window opens.'),
    from: clockTime.describe('When it opens.'),
    to: clockTime.describe('When it closes; at or before `from`, on the next day.'),
    time_zone: z
      .string()
      .max(64)
      .default('UTC')
      .refine(isTimeZone, 'must be the name of a time zone, such as Europe/Berlin')
      .describe('Time zone of the IANA database.'),
  })
  .meta({ id: 'MaintenanceWindow' });
export type MaintenanceWindow = z.infer<typeof MaintenanceWindow>;

export const PolicyMatch = z.strictObject({
  operations: Globs.optional().describe('Ids of operations, such as `stacks.*`.'),
  sources: Globs.optional().describe('Git addresses or names of apps that the change takes code from.'),
  target: z
    .strictObject({
      servers: Globs.optional().describe('Names of servers.'),
      environments: Globs.optional().describe('Environments of servers.'),
      labels: z
        .record(z.string().max(64), Glob)
        .optional()
        .describe('Labels that the server must have, with globs of their values.'),
      stacks: Globs.optional().describe('Names of stacks.'),
    })
    .optional(),
  actor: z
    .strictObject({
      kinds: z.array(Actor.shape.kind).min(1).max(4).optional(),
      roles: z.array(Role).min(1).max(5).optional(),
      names: Globs.optional(),
    })
    .optional()
    .describe('Who proposes.'),
  difference: z
    .enum(['commits_only'])
    .optional()
    .describe('The change only moves services to other commits, by what the keeper itself signed before.'),
});
export type PolicyMatch = z.infer<typeof PolicyMatch>;

export const PolicyRequirement = z.strictObject({
  approvals: z
    .int()
    .min(0)
    .max(limitsOfPolicies.approvals_max)
    .default(0)
    .describe('How many people other than the proposer must approve.'),
  role: Role.extract(['owner', 'admin', 'approver'])
    .optional()
    .describe('The least role of those who approve; left out, `approver`. Deployers do not approve.'),
  proof: Proof.extract(['token', 'session', 'signed'])
    .optional()
    .describe(
      'How approvers and confirmers must be proven at least: `token`, `session`, or `signed` by a key of their own.',
    ),
  confirmation: z.boolean().default(false).describe('The proposer must confirm the plan, by its hash.'),
  expires_seconds: z
    .int()
    .min(60)
    .max(2_592_000)
    .default(limitsOfPolicies.expires_seconds_default)
    .describe('How long it waits for people, seconds.'),
  window: MaintenanceWindow.optional().describe(
    'It is carried out within this window only; outside, it waits until it opens.',
  ),
});
export type PolicyRequirement = z.infer<typeof PolicyRequirement>;

export const PolicyRule = z
  .strictObject({
    name: RuleName,
    description: z.string().max(500).optional(),
    match: PolicyMatch.default({}).describe('All that stands here must hold; what is left out matches everything.'),
    effect: z.enum(['allow', 'deny', 'require']),
    reason: z.string().min(1).max(500).optional().describe('Told to who is denied; with `deny` only.'),
    require: PolicyRequirement.optional().describe('What is required; with `require` only.'),
  })
  .superRefine((rule, context) => {
    const refuse = (path: string, message: string) => context.addIssue({ code: 'custom', path: [path], message });
    if (rule.effect === 'deny' && rule.reason === undefined) refuse('reason', 'a rule that denies must say why');
    if (rule.effect !== 'deny' && rule.reason !== undefined) refuse('reason', 'stands with `effect: deny` only');
    if (rule.effect !== 'require' && rule.require !== undefined)
      refuse('require', 'stands with `effect: require` only');
    if (rule.effect !== 'require') return;
    const { approvals = 0, confirmation = false, window } = rule.require ?? {};
    if (approvals === 0 && !confirmation && !window) {
      refuse('require', 'must ask for something: `approvals`, `confirmation: true`, or a `window`');
    }
  })
  .meta({ id: 'PolicyRule' });
export type PolicyRule = z.infer<typeof PolicyRule>;

export const PolicyFile = z
  .strictObject({
    schema: z.literal(1).describe('Version of this format.'),
    rules: z.array(PolicyRule).max(limitsOfPolicies.rules_max),
  })
  .superRefine(({ rules }, context) => {
    const names = rules.map(({ name }) => name);
    const twin = names.findIndex((name, at) => names.indexOf(name) !== at);
    if (twin >= 0)
      context.addIssue({ code: 'custom', path: ['rules', twin, 'name'], message: `stands twice: ${names[twin]}` });
  })
  .meta({ id: 'PolicyFile' });
export type PolicyFile = z.infer<typeof PolicyFile>;

/** What a case of a test proposes. Left out: a user who is an owner, signed in, on no server. */
export const PolicyCase = z.strictObject({
  name: z.string().min(1).max(200),
  propose: z.strictObject({
    operation: z.string().min(1).max(200),
    actor: z
      .strictObject({
        kind: Actor.shape.kind.default('user'),
        name: z.string().max(200).default('someone'),
        role: Role.nullable().optional().describe('Left out: `owner` for a user, none otherwise.'),
        proof: Proof.default('session'),
      })
      .prefault({}),
    servers: z
      .array(
        z.strictObject({
          name: z.string().max(200),
          labels: z.record(z.string().max(64), z.string().max(200)).default({}),
          environment: z.string().max(200).nullable().optional().describe('Left out: that of the case.'),
        }),
      )
      .max(1_000)
      .default([]),
    stack: z.string().max(200).nullable().default(null),
    environment: z.string().max(200).nullable().default(null),
    sources: z.array(z.string().max(2_048)).max(1_000).default([]),
    difference: z.enum(['commits_only', 'more']).nullable().default(null),
    at: z.iso.datetime({ offset: true }).optional().describe('When it is proposed; left out, now.'),
  }),
  expect: z.strictObject({
    decision: z.enum(['approved', 'waiting', 'denied']),
    approvals: z.int().min(0).optional(),
    role: Role.optional(),
    proof: Proof.optional(),
    confirmation: z.boolean().optional(),
    window_open: z.boolean().optional(),
    policy: z.string().max(200).optional().describe('A rule that decides it, such as `production/deploys`.'),
  }),
});
export type PolicyCase = z.infer<typeof PolicyCase>;

export const PolicyCaseFile = z
  .strictObject({ schema: z.literal(1), cases: z.array(PolicyCase).min(1).max(limitsOfPolicies.cases_max) })
  .meta({ id: 'PolicyCaseFile' });
export type PolicyCaseFile = z.infer<typeof PolicyCaseFile>;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
