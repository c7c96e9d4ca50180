/** Secrets and Git credentials: values go in, and never come out over this interface. */
import * as z from 'zod';
import { reservedEnv, reservedEnvMessage } from '../env-names.ts';
import { change, read } from '../operation.ts';
import { CredentialName, EnvName, limitsOfStack, StackName } from '../stack.ts';

const SecretName = EnvName.refine((name) => !reservedEnv.test(name), reservedEnvMessage);

const SecretValue = z
  .string()
  .min(1)
  .refine(
    (value) => new TextEncoder().encode(value).length <= limitsOfStack.secret_bytes_max,
    `must be at most ${limitsOfStack.secret_bytes_max} bytes`,
  )
  .refine((value) => !value.includes('\0'), 'must have no NUL character')
  .meta({ writeOnly: true });

export const SecretView = z
  .object({
    name: EnvName,
    used_by: z.array(z.string()).describe('Services of the stack that take it.'),
    revision: z.int(),
    updated_at: z.int(),
  })
  .meta({ id: 'Secret' });

export const listSecrets = read({
  id: 'secrets.list',
  summary: 'List the names of a stack’s secrets',
  permission: 'secrets:read',
  http: { method: 'GET', path: '/stacks/{stack}/secrets' },
  cli: { command: ['secrets', 'list'], args: ['stack'] },
  input: { stack: StackName },
  output: z.object({ secrets: z.array(SecretView) }),
});

export const setSecret = change({
  id: 'secrets.set',
  summary: 'Set a secret of a stack; running services take it up with the next deploy',
  description: 'A secret may be set before its stack is made.',
  permission: 'secrets:write',
  http: { method: 'PUT', path: '/stacks/{stack}/secrets/{name}' },
  cli: { command: ['secrets', 'set'], args: ['stack', 'name'] },
  input: { stack: StackName, name: SecretName, value: SecretValue },
  errors: ['Conflict'],
});

export const removeSecret = change({
  id: 'secrets.remove',
  summary: 'Remove a secret that no service of the stack names',
  permission: 'secrets:write',
  http: { method: 'DELETE', path: '/stacks/{stack}/secrets/{name}' },
  cli: { command: ['secrets', 'remove'], args: ['stack', 'name'] },
  input: { stack: StackName, name: SecretName },
  errors: ['NotFound', 'Conflict'],
});

export const CredentialView = z
  .object({
    name: CredentialName,
    kind: z.enum(['deploy_key', 'token']),
    public_key: z.string().nullable().describe('For a deploy key: the half to be put into the Git host.'),
    username: z.string().nullable(),
    used_by: z.array(z.string()).describe('Stacks whose services use it.'),
    updated_at: z.int(),
  })
  .meta({ id: 'Credential' });

export const listCredentials = read({
  id: 'credentials.list',
  summary: 'List the Git credentials',
  permission: 'secrets:read',
  http: { method: 'GET', path: '/credentials' },
  cli: { command: ['credentials', 'list'] },
  input: {},
  output: z.object({ credentials: z.array(CredentialView) }),
});

export const createDeployKey = change({
  id: 'credentials.create_deploy_key',
  summary: 'Make a deploy key (SSH, Ed25519) for private repositories',
  description: 'The private half never leaves Mainstay but to the agents that clone with it.',
  permission: 'secrets:write',
  http: { method: 'POST', path: '/credentials/deploy-keys' },
  cli: { command: ['credentials', 'create-deploy-key'], args: ['name'] },
  input: { name: CredentialName },
  result: z.object({ public_key: z.string() }),
  errors: ['Conflict'],
});

export const setToken = change({
  id: 'credentials.set_token',
  summary: 'Store an access token for private repositories over https, or exchange it',
  permission: 'secrets:write',
  http: { method: 'PUT', path: '/credentials/tokens/{name}' },
  cli: { command: ['credentials', 'set-token'], args: ['name'] },
  input: {
    name: CredentialName,
    username: z
      .string()
      .min(1)
      .max(128)
      .regex(/^[^\s:@/]+$/, 'must have no spaces, colons, at signs or slashes')
      .default('git'),
    token: SecretValue,
  },
  errors: ['Conflict'],
});

export const removeCredential = change({
  id: 'credentials.remove',
  summary: 'Remove a Git credential that no stack uses',
  permission: 'secrets:write',
  http: { method: 'DELETE', path: '/credentials/{name}' },
  cli: { command: ['credentials', 'remove'], args: ['name'] },
  input: { name: CredentialName },
  errors: ['NotFound', 'Conflict'],
});
