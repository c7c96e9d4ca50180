/**
 * An operation is defined once, here, and everything else is projected from it: the HTTP route and its OpenAPI entry,
 * the typed client, the CLI command, the MCP tool, the parity suite.
 *
 * Reads answer at once. Changes are planned, authorized, decided and signed by the keeper, then carried out; their input
 * has three fields more (`dry_run`, `plan_hash`, `idempotency_key`), and their output is `{ operation, result }`.
 */
import * as z from 'zod';
import type { ErrorCode } from './errors.ts';
import { idSchema } from './ids.ts';

export type HttpMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';
/** `act`: speaks on an operation or a run that is there already, and so is no operation of its own. */
export type Effect = 'read' | 'act' | 'change' | 'destroy';

/** What somebody may do; which role holds what stands in the control plane's authorization. */
export const permissions = [
  'stacks:read',
  'stacks:write',
  'stacks:deploy',
  'secrets:read',
  'secrets:write',
  'servers:read',
  'servers:write',
  'logs:read',
  'events:read',
  'operations:read',
  'operations:approve',
  'operations:cancel',
  'runs:read',
  'runs:write',
  'policies:read',
  'keys:read',
  'keys:write',
  'audit:read',
  'people:read',
  'people:write',
  'access:read',
  'access:write',
  'system:read',
] as const;
export type Permission = (typeof permissions)[number];

export type CliBinding = {
  /** Words of the command, such as `['servers', 'invite']`. */
  command: readonly string[];
  /** Input fields taken as positional arguments, in order; the rest are options. */
  args?: readonly string[];
};

export type Operation<Id extends string = string, I extends z.ZodType = z.ZodType, O extends z.ZodType = z.ZodType> = {
  readonly id: Id;
  readonly summary: string;
  readonly description?: string;
  readonly permission: Permission | 'none';
  readonly effect: Effect;
  readonly http: { readonly method: HttpMethod; readonly path: string };
  readonly cli: CliBinding;
  readonly input: I;
  readonly output: O;
  readonly errors: readonly ErrorCode[];
};

/** Errors that any operation may give, whatever it declares. */
export const universalErrors = [
  'InvalidInput',
  'Unauthenticated',
  'Forbidden',
  'TooLarge',
  'Unavailable',
  'Internal',
] as const satisfies readonly ErrorCode[];

type ReadDefinition<Id extends string, I extends z.ZodRawShape, O extends z.ZodType> = {
  id: Id;
  summary: string;
  description?: string;
  permission: Permission | 'none';
  http: { method: HttpMethod; path: string };
  cli: CliBinding;
  input: I;
  output: O;
  errors?: readonly ErrorCode[];
};

/** Defines an operation that changes nothing. */
export function read<Id extends string, I extends z.ZodRawShape, O extends z.ZodType>(
  definition: ReadDefinition<Id, I, O>,
): Operation<Id, z.ZodObject<I, z.core.$strict>, O> {
  return { ...definition, effect: 'read', input: z.strictObject(definition.input), errors: definition.errors ?? [] };
}

/**
 * Defines a word on what is under way already, such as an approval: done at once, with no plan and no operation of its own, because the
 * operation or run that it is about was planned and stands with its own record.
 */
export function act<Id extends string, I extends z.ZodRawShape, O extends z.ZodType>(
  definition: ReadDefinition<Id, I, O>,
): Operation<Id, z.ZodObject<I, z.core.$strict>, O> {
  return { ...definition, effect: 'act', input: z.strictObject(definition.input), errors: definition.errors ?? [] };
}

/** Any JSON value. */
export const JsonValue = z.json().meta({ id: 'JsonValue' });

/** One line of a plan: what would change, from what, to what. Values of secrets are never shown. */
export const PlanChange = z
  .object({
    action: z.enum(['create', 'update', 'delete', 'run']),
    path: z.string().describe('What changes, such as `services.api.env.LOG_LEVEL`.'),
    from: JsonValue.optional(),
    to: JsonValue.optional(),
    note: z.string().optional(),
  })
  .meta({ id: 'PlanChange' });
export type PlanChange = z.infer<typeof PlanChange>;

/** How a plan goes out to several servers, one wave after the other. Not part of the hash: servers come and go. */
export const PlannedRollout = z
  .object({
    waves: z
      .array(z.object({ count: z.int(), servers: z.array(z.string()).max(5).describe('Names of the first of them.') }))
      .max(10_000),
    pause_seconds: z.int(),
    max_failed: z.int(),
  })
  .meta({ id: 'PlannedRollout' });
export type PlannedRollout = z.infer<typeof PlannedRollout>;

export const Plan = z
  .object({
    summary: z.string(),
    changes: z.array(PlanChange),
    warnings: z.array(z.string()),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .describe('SHA-256 over the canonical JSON (RFC 8785) of what would be done.'),
    over: z
      .object({
        target: z.string(),
        base: z.int(),
        content_sha256: z.string().nullable(),
        undo_sha256: z.string().optional(),
        contents: z.record(z.string(), z.string()).optional(),
      })
      .optional()
      .describe('What the hash is over beside the operation and its changes: who signs the hash makes it again.'),
    rollout: PlannedRollout.optional().describe('In which waves it goes out; left out where it goes to all at once.'),
  })
  .meta({ id: 'Plan' });
export type Plan = z.infer<typeof Plan>;

/**
 * What people are to an installation. `owner`: everything. `admin`: everything but owners and the keeper's keys. `deployer`: changes
 * stacks and deploys. `approver`: reads, approves and rejects. `viewer`: reads.
 */
export const roles = ['owner', 'admin', 'deployer', 'approver', 'viewer'] as const;
export const Role = z.enum(roles);
export type Role = z.infer<typeof Role>;

/**
 * How an actor was proven. `signed`: by a key of the person's own that the keeper knows, over the plan's hash. `token` and `session`: by the
 * gateway's word. `signature`: the request was signed, as webhooks are. `none`: Mainstay itself.
 */
export const Proof = z.enum(['session', 'token', 'signed', 'signature', 'none']);
export type Proof = z.infer<typeof Proof>;

export const Actor = z
  .object({
    kind: z.enum(['user', 'webhook', 'system', 'server']),
    id: z.string(),
    name: z.string(),
    role: Role.nullable(),
    proof: Proof.describe('How the actor was proven.'),
  })
  .meta({ id: 'Actor' });
export type Actor = z.infer<typeof Actor>;

/**
 * ```
 *  proposed ──policy──▶ denied
 *    │ │
 *    │ └──▶ waiting ──▶ rejected | expired
 *    ▼         │
 *  approved ◀──┘
 *    ▼
 *  running ──▶ succeeded | failed | compensated | cancelled
 * ```
 * `planned` is what a dry run gives; it is never stored. What is `proposed`, `waiting` or `approved` can be cancelled.
 */
export const OperationState = z.enum([
  'planned',
  'proposed',
  'denied',
  'waiting',
  'rejected',
  'expired',
  'approved',
  'running',
  'succeeded',
  'failed',
  'compensated',
  'cancelled',
]);
export type OperationState = z.infer<typeof OperationState>;
export const terminalOperationStates: readonly OperationState[] = [
  'planned',
  'denied',
  'rejected',
  'expired',
  'succeeded',
  'failed',
  'compensated',
  'cancelled',
];

/** One person's word on an operation that waits for it. */
export const Approval = z
  .object({
    actor: Actor,
    verdict: z.enum(['approve', 'reject', 'confirm']).describe('`confirm`: the proposer stands by a destructive plan.'),
    reason: z.string().nullable(),
    at: z.int(),
  })
  .meta({ id: 'Approval' });
export type Approval = z.infer<typeof Approval>;

/** What an operation waits for, and what policy asked for it. */
export const Requirement = z
  .object({
    policy: z.string().describe('Name of the rule, such as `production/deploy`.'),
    approvals: z.int().min(0).describe('How many people other than the proposer must approve.'),
    role: Role.nullable().describe('The least role that an approver must have; null for whoever may approve.'),
    proof: Proof.nullable().describe('How an approver or confirmer must be proven; null for any.'),
    confirmation: z.boolean().describe('The proposer must confirm the plan, by its hash.'),
    expires_at: z.int(),
    not_before: z.int().nullable().describe('When the maintenance window opens that it waits for.'),
  })
  .meta({ id: 'Requirement' });
export type Requirement = z.infer<typeof Requirement>;

/** How far one server has come with an operation. */
export const OperationTarget = z
  .object({
    server: z.string(),
    state: z.enum(['waiting', 'running', 'succeeded', 'failed']),
    message: z.string().nullable(),
  })
  .meta({ id: 'OperationTarget' });
export type OperationTarget = z.infer<typeof OperationTarget>;

export const OperationView = z
  .object({
    id: idSchema('operation').nullable().describe('Null for a dry run.'),
    operation: z.string().describe('Id of the operation in the contract, such as `stacks.deploy`.'),
    state: OperationState,
    actor: Actor,
    plan: Plan,
    stack: z.string().nullable(),
    version: z.int().nullable().describe('The desired-state version that it made.'),
    targets: z.array(OperationTarget),
    requirement: Requirement.nullable().describe('What it waits or waited for.'),
    approvals: z.array(Approval),
    run_id: idSchema('run').nullable().describe('The run that carries it out.'),
    message: z.string().nullable().describe('Why it was denied or failed.'),
    hint: z.string().nullable(),
    created_at: z.int(),
    finished_at: z.int().nullable(),
  })
  .meta({ id: 'Operation' });
export type OperationView = z.infer<typeof OperationView>;

export const changeFields = {
  dry_run: z.boolean().optional().describe('Show the plan and change nothing.'),
  plan_hash: z
    .string()
    .regex(/^[0-9a-f]{64}$/, 'must be the hash of a plan: 64 hexadecimal digits')
    .optional()
    .describe(
      'Hash of the plan that was shown; if the plan is another by now, nothing is done and the answer is Conflict.',
    ),
  idempotency_key: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[\x21-\x7e]+$/, 'must be printable ASCII without spaces')
    .optional()
    .describe(
      'Repeating a request with the same key returns the first answer. Over HTTP also the header Idempotency-Key.',
    ),
  proof: z
    .string()
    .max(4_096)
    .optional()
    .describe('Statement over the plan hash, signed by a key of the person that the keeper knows (compact JWS).'),
} as const;

type ChangeDefinition<Id extends string, I extends z.ZodRawShape, R extends z.ZodType> = {
  id: Id;
  summary: string;
  description?: string;
  permission: Permission;
  effect?: 'change' | 'destroy';
  http: { method: Exclude<HttpMethod, 'GET'>; path: string };
  cli: CliBinding;
  input: I;
  /** What is given back beside the operation itself; one-time secrets stand only here. */
  result?: R;
  errors?: readonly ErrorCode[];
};

/** Defines an operation that changes something: planned, decided, signed, carried out, settled. */
export function change<Id extends string, I extends z.ZodRawShape, R extends z.ZodType = z.ZodNull>(
  definition: ChangeDefinition<Id, I, R>,
) {
  const { result, effect = 'change', ...rest } = definition;
  return {
    ...rest,
    effect: effect as Effect,
    input: z.strictObject({ ...definition.input, ...changeFields }),
    output: z.object({
      operation: OperationView,
      result: z.nullable((result ?? z.null()) as R).describe('Null for a dry run.'),
    }),
    // Any plan may be another by the time it is carried out.
    errors: [...new Set<ErrorCode>([...(definition.errors ?? []), 'Conflict'])],
  } satisfies Operation;
}

/** Whether it is planned, decided, signed and run. */
export function isChange(operation: Operation): boolean {
  return operation.effect === 'change' || operation.effect === 'destroy';
}

export type InputOf<T extends Operation> = z.input<T['input']>;
export type ParsedInputOf<T extends Operation> = z.output<T['input']>;
export type OutputOf<T extends Operation> = z.output<T['output']>;

export { pathParameters } from './request.ts';
