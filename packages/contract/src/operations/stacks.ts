/** Stacks: what a server is to run, as code. */
import * as z from 'zod';
import { AgentState } from '../agent-api.ts';
import { CommitSha, ReleaseId } from '../desired-state.ts';
import { change, read } from '../operation.ts';
import { Labels } from '../server-labels.ts';
import { ServiceName, StackName, StackSpec } from '../stack.ts';

export const StackHealth = z
  .enum(['empty', 'healthy', 'deploying', 'degraded', 'failed', 'offline'])
  .describe(
    'empty: no server runs it. healthy: every service runs its desired release on every server, and its health check answers.',
  );

export const StackView = z
  .object({
    id: z.string(),
    name: StackName,
    health: StackHealth,
    message: z.string().nullable().describe('What is wrong, in one sentence.'),
    version: z.int().nullable().describe('The newest desired state.'),
    serving_version: z.int().nullable().describe('The last desired state that succeeded everywhere.'),
    servers: z.array(z.string()),
    services: z.array(z.string()),
    url: z.string().nullable(),
    held_services: z.record(z.string(), z.string()).describe('Services that follow no ref since a rollback, and why.'),
    paused: z
      .object({ by: z.string(), reason: z.string().nullable(), at: z.int() })
      .nullable()
      .describe('Set while it follows no ref and takes no deployment.'),
    webhook: z.boolean(),
    updated_at: z.int(),
  })
  .meta({ id: 'Stack' });
export type StackView = z.infer<typeof StackView>;

export const listStacks = read({
  id: 'stacks.list',
  summary: 'List the stacks and how they are',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/stacks' },
  cli: { command: ['stacks', 'list'] },
  input: {},
  output: z.object({ stacks: z.array(StackView) }),
});

export const StackProxy = z
  .object({ server: z.string(), state: AgentState.shape.proxy.shape.state, address: z.string().nullable() })
  .meta({ id: 'StackProxy' });
export type StackProxy = z.infer<typeof StackProxy>;

const Move = z.object({ server: z.string(), why: z.string() });

export const StackTargets = z
  .object({
    labels: Labels.describe('Servers that have all of these run the stack.'),
    servers: z.array(z.string()).describe('Those that the version in force names.'),
    joins: z.array(Move).describe('Those that would come in with the next deployment, by their labels now.'),
    leaves: z.array(Move).describe('Those that would leave with it.'),
    passed_over: z.array(z.string()).describe('Why servers that have the labels would not come in.'),
  })
  .meta({ id: 'StackTargets' });
export type StackTargets = z.infer<typeof StackTargets>;

const commit_subjects = z
  .record(z.string(), z.string().nullable())
  .describe('First line of the message of each service’s commit; null until a server has fetched it.');

export const getStack = read({
  id: 'stacks.get',
  summary: 'Show one stack, with its specification',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/stacks/{stack}' },
  cli: { command: ['stacks', 'get'], args: ['stack'] },
  input: { stack: StackName },
  output: z.object({
    stack: StackView,
    spec: StackSpec,
    commits: z.record(z.string(), CommitSha).describe('The exact commit of every service in the desired state.'),
    commit_subjects,
    proxies: z
      .array(StackProxy)
      .describe('Where requests from outside come in, by what each server that runs it last reported.'),
    targets: StackTargets.nullable().describe('How it chooses its servers; null where they are given it one by one.'),
  }),
  errors: ['NotFound'],
});

export const exportStack = read({
  id: 'stacks.export',
  summary: 'Give the stack file that makes this stack',
  description: 'Applying the exported file changes nothing.',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/stacks/{stack}/export' },
  cli: { command: ['stacks', 'export'], args: ['stack'] },
  input: { stack: StackName },
  output: z.object({ yaml: z.string() }),
  errors: ['NotFound'],
});

export const applyStack = change({
  id: 'stacks.apply',
  summary: 'Make a stack as its specification says, or change it to that',
  description:
    'Refs are resolved to exact commits, the plan is signed, and every server of the stack builds, starts, checks and switches. A dry run shows the plan.',
  permission: 'stacks:write',
  http: { method: 'PUT', path: '/stacks/{stack}' },
  cli: { command: ['stacks', 'apply'], args: ['stack'] },
  input: { stack: StackName, spec: StackSpec },
  errors: ['Conflict', 'SourceUnavailable'],
});

export const deployStack = change({
  id: 'stacks.deploy',
  summary: 'Deploy the newest commits of a stack’s refs',
  description: 'Changed secrets are taken up too. Services held since a rollback follow their refs again.',
  permission: 'stacks:deploy',
  http: { method: 'POST', path: '/stacks/{stack}/deploy' },
  cli: { command: ['stacks', 'deploy'], args: ['stack'] },
  input: {
    stack: StackName,
    services: z.array(ServiceName).max(100).optional().describe('Only these; left out, all.'),
    restart: z.boolean().optional().describe('Start a new instance of these services even where nothing changed.'),
  },
  errors: ['NotFound', 'Conflict', 'SourceUnavailable'],
});

export const rollbackStack = change({
  id: 'stacks.rollback',
  summary: 'Go back to an earlier version, code and configuration together',
  description:
    'Releases that a server still keeps (the last five) are switched to without a build. The services then hold that commit until the next deploy or apply.',
  permission: 'stacks:deploy',
  http: { method: 'POST', path: '/stacks/{stack}/rollback' },
  cli: { command: ['stacks', 'rollback'], args: ['stack'] },
  input: {
    stack: StackName,
    version: z.int().min(1).optional().describe('Left out: the last version before this one that succeeded.'),
    service: ServiceName.optional().describe('Only this service; left out, the whole stack.'),
  },
  errors: ['NotFound', 'Conflict'],
});

export const pauseStack = change({
  id: 'stacks.pause',
  summary: 'Let a stack follow no ref and take no deployment until it is resumed',
  description:
    'What runs goes on, and is kept running. Pushes are not followed, and `stacks.apply` and `stacks.deploy` are refused; `stacks.rollback` and `stacks.remove` are not.',
  permission: 'stacks:deploy',
  http: { method: 'POST', path: '/stacks/{stack}/pause' },
  cli: { command: ['stacks', 'pause'], args: ['stack'] },
  input: { stack: StackName, reason: z.string().min(1).max(200).optional().describe('Shown to others.') },
  errors: ['NotFound', 'Conflict'],
});

export const resumeStack = change({
  id: 'stacks.resume',
  summary: 'Let a paused stack follow its refs again',
  description: 'What was pushed meanwhile is followed with the next look at its refs.',
  permission: 'stacks:deploy',
  http: { method: 'POST', path: '/stacks/{stack}/resume' },
  cli: { command: ['stacks', 'resume'], args: ['stack'] },
  input: { stack: StackName },
  errors: ['NotFound', 'Conflict'],
});

export const removeStack = change({
  id: 'stacks.remove',
  summary: 'Take a stack off its servers',
  description: 'Services stop and their routes go. Data folders are kept unless delete_data is set.',
  permission: 'stacks:write',
  effect: 'destroy',
  http: { method: 'DELETE', path: '/stacks/{stack}' },
  cli: { command: ['stacks', 'remove'], args: ['stack'] },
  input: {
    stack: StackName,
    delete_data: z.boolean().optional().describe('Delete the data folders of its services too.'),
  },
  errors: ['NotFound', 'Conflict'],
});

export const StackVersionView = z
  .object({
    version: z.int(),
    state: z.enum(['running', 'succeeded', 'failed']),
    operation_id: z.string(),
    operation: z.string(),
    actor: z.string(),
    summary: z.string(),
    commits: z.record(z.string(), CommitSha),
    commit_subjects,
    releases: z.record(z.string(), ReleaseId),
    sha256: z.string(),
    created_at: z.int(),
  })
  .meta({ id: 'StackVersion' });

export const listStackVersions = read({
  id: 'stacks.versions',
  summary: 'List the versions of a stack, newest first',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/stacks/{stack}/versions' },
  cli: { command: ['stacks', 'versions'], args: ['stack'] },
  input: { stack: StackName, limit: z.int().min(1).max(100).default(20) },
  output: z.object({ versions: z.array(StackVersionView) }),
  errors: ['NotFound'],
});

export const enableWebhook = change({
  id: 'stacks.enable_webhook',
  summary: 'Make a webhook address and secret for a stack, in place of the one it had',
  description: 'A push reported by GitHub, GitLab or Gitea with this secret makes Mainstay look the refs up at once.',
  permission: 'stacks:write',
  http: { method: 'POST', path: '/stacks/{stack}/webhook' },
  cli: { command: ['stacks', 'enable-webhook'], args: ['stack'] },
  input: { stack: StackName },
  result: z.object({
    path: z.string().describe('Path of the webhook on this control plane.'),
    secret: z
      .string()
      .nullable()
      .describe('Shown once; null when a request is repeated with the same idempotency key.'),
  }),
  errors: ['NotFound', 'Conflict'],
});
