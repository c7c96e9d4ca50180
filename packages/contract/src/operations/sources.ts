/**
 * Sources: a Git repository looked at before anything runs from it: which branches and tags it has, and which services it
 * could be. What is proposed is only proposed: every value comes with its reason, and a person changes what is wrong. The control
 * plane fetches from the address that is given, as a deploy does, and so only for who may also change stacks.
 */
import * as z from 'zod';
import { CommitSha } from '../desired-state.ts';
import { read } from '../operation.ts';
import {
  Command,
  CredentialName,
  EnvName,
  GitRef,
  GitUrl,
  PathPrefix,
  RootDirectory,
  ServiceName,
  StackName,
  StackSpec,
} from '../stack.ts';

export const limitsOfSources = { refs_max: 1_000, proposals_max: 20 } as const;

const SourceRef = z.object({ name: z.string(), commit: CommitSha }).meta({ id: 'SourceRef' });

const Reason = z.string().describe('Why, in words.');

/** A command that a person may take or change, and why it is proposed. */
export const ProposedCommand = z.object({ value: Command, reason: Reason }).meta({ id: 'ProposedCommand' });

export const SourceKind = z.enum(['node', 'python', 'go', 'rust', 'ruby', 'php', 'static', 'procfile']);
export type SourceKind = z.infer<typeof SourceKind>;

export const ServiceProposal = z
  .object({
    name: ServiceName,
    root: RootDirectory.nullable().describe('Root directory in the repository; null: the top.'),
    kind: SourceKind,
    title: z.string().describe('What it is, for people: `Node.js (npm, Vite)`.'),
    build: ProposedCommand.nullable().describe('Null: nothing is to be built.'),
    run: ProposedCommand.nullable().describe('Null: nothing was found that starts it, and a person has to say.'),
    port: z.object({
      value: z.int().min(1).max(65_535).nullable().describe('A fixed port; null: it listens on $PORT.'),
      reason: Reason,
    }),
    health: z.object({
      value: z
        .string()
        .nullable()
        .describe('Path that answers 200 to 399; null: check that its port takes connections.'),
      reason: Reason,
    }),
    route: z
      .object({ prefix: PathPrefix, strip: z.boolean(), reason: Reason })
      .nullable()
      .describe('Null: internal only.'),
    env: z
      .array(
        z.object({
          name: EnvName,
          reason: Reason,
          secret: z.boolean().describe('By its name, the value is one to keep as a secret.'),
          example: z.string().nullable().describe('What the repository shows as an example; never of a secret.'),
        }),
      )
      .describe('Variables that the repository says it takes.'),
    notes: z.array(z.string()).describe('What a person should know before deploying it.'),
  })
  .meta({ id: 'ServiceProposal' });
export type ServiceProposal = z.infer<typeof ServiceProposal>;

const git = GitUrl;
const credential = CredentialName.optional().describe('Credential for a private repository.');

export const listSourceRefs = read({
  id: 'sources.refs',
  summary: 'List the branches and tags of a Git repository',
  description: 'At most 1,000 of each: the default branch first, then by name; tags by version, newest first.',
  permission: 'stacks:write',
  http: { method: 'GET', path: '/sources/refs' },
  cli: { command: ['sources', 'refs'], args: ['git'] },
  input: { git, credential },
  output: z.object({
    default_branch: z.string().nullable().describe('Null: the repository names none, or has no commit yet.'),
    branches: z.array(SourceRef).max(limitsOfSources.refs_max),
    tags: z.array(SourceRef).max(limitsOfSources.refs_max),
    truncated: z.boolean().describe('There are more than are listed.'),
  }),
  errors: ['NotFound', 'SourceUnavailable'],
});

export const inspectSource = read({
  id: 'sources.inspect',
  summary: 'Look at a Git repository and propose services, each value with its reason',
  description: 'Nothing of the repository is run or checked out. What is read is bounded in time, number and size.',
  permission: 'stacks:write',
  http: { method: 'GET', path: '/sources/inspect' },
  cli: { command: ['sources', 'inspect'], args: ['git'] },
  input: {
    git,
    ref: GitRef.optional().describe('Branch, tag or commit; left out, the default branch.'),
    root: RootDirectory.optional().describe('Propose only what is in this folder.'),
    credential,
  },
  output: z.object({
    ref: z.string().describe('What was looked at: a branch, a tag or a commit.'),
    commit: CommitSha,
    commit_subject: z.string(),
    commit_author: z.string(),
    commit_at: z.int(),
    proposals: z.array(ServiceProposal).max(limitsOfSources.proposals_max),
    stack_file: z
      .object({
        path: z.string(),
        yaml: z.string(),
        stack: StackName.nullable(),
        spec: StackSpec.nullable().describe('Null where the file is not acceptable; `error` says why.'),
        error: z.string().nullable(),
      })
      .nullable()
      .describe('The stack file that the repository holds, if any.'),
    notes: z.array(z.string()).describe('What was seen and is not used, and what could not be read.'),
  }),
  errors: ['NotFound', 'SourceUnavailable'],
});
