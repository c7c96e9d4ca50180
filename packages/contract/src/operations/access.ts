/**
 * Access: the people, what each of them is, and the keys that speak for them: sessions, API tokens, one-time sign-in links.
 * Of a key only its digest is stored, so that it is shown once. Nobody gives, takes or uses more than they are themselves.
 */
import * as z from 'zod';
import { idSchema } from '../ids.ts';
import { change, Role, read } from '../operation.ts';

export const limitsOfAccess = {
  users_max: 1_000,
  tokens_of_user_max: 100,
  sessions_of_user_max: 200,
  open_links_of_user_max: 50,
} as const;

/** Names that events and approvals give to what is no person. */
const reserved = ['mainstay', 'system', 'webhook', 'keeper', 'control-plane'];

/**
 * Name of a person: it stands in events and approvals, where two must not look alike. So it has ASCII letters, digits and a few
 * signs only, and holds once whatever its letter case.
 */
export const UserName = z
  .string()
  .max(64, 'must be at most 64 characters')
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._@+-]*[A-Za-z0-9])?$/,
    'must be letters, digits, and dots, dashes, underscores, plus and at signs between them, such as ada or ada@example.org',
  )
  .refine((name) => !reserved.includes(name.toLowerCase()), `must be none of ${reserved.join(', ')}`)
  .describe('Name of the person.');

/** Name of a token, for people. */
const TokenName = z
  .string()
  .max(64, 'must be at most 64 characters')
  .regex(
    /^[\p{L}\p{N}]([\p{L}\p{N} ._@:/+-]*[\p{L}\p{N}])?$/u,
    'must be letters and digits, and spaces or . _ @ : / + - between them',
  )
  .describe('What it is for, such as `ci`; once for each person.');

const someone = UserName.optional().describe('Another person; left out, yourself.');
const linkLifetime = z.int().min(60).max(604_800).describe('How long the sign-in link works, seconds.');

const MadeLink = {
  url: z.string().nullable().describe('Shown once; null when a request is repeated with the same idempotency key.'),
  expires_at: z.int(),
};

export const UserView = z
  .object({
    id: idSchema('user'),
    name: z.string(),
    role: Role,
    created_at: z.int(),
    last_seen_at: z.int().nullable().describe('When a session or token that still holds was last used.'),
    sessions: z.int().describe('Sessions that hold.'),
    tokens: z.int().describe('API tokens that hold.'),
  })
  .meta({ id: 'User' });
export type UserView = z.infer<typeof UserView>;

export const SessionView = z
  .object({
    id: idSchema('access_key'),
    user: z.string(),
    user_agent: z.string().nullable().describe('What the browser said it is when it signed in.'),
    created_at: z.int(),
    last_used_at: z.int().nullable().describe('To the minute.'),
    expires_at: z.int(),
    is_current: z.boolean().describe('This request came with it.'),
  })
  .meta({ id: 'Session' });
export type SessionView = z.infer<typeof SessionView>;

export const TokenView = z
  .object({
    id: idSchema('access_key'),
    user: z.string(),
    name: z.string(),
    role: Role.describe('What it may do; never more than its person.'),
    created_at: z.int(),
    last_used_at: z.int().nullable().describe('To the minute.'),
    expires_at: z.int().nullable(),
    is_current: z.boolean().describe('This request came with it.'),
  })
  .meta({ id: 'Token' });
export type TokenView = z.infer<typeof TokenView>;

export const listUsers = read({
  id: 'access.list_users',
  summary: 'List the people and their roles',
  permission: 'people:read',
  http: { method: 'GET', path: '/access/users' },
  cli: { command: ['users', 'list'] },
  input: {},
  output: z.object({ users: z.array(UserView).max(limitsOfAccess.users_max) }),
});

export const createUser = change({
  id: 'access.create_user',
  summary: 'Add a person, and make the one-time link by which they sign in',
  description: 'Nobody can give a role above their own.',
  permission: 'people:write',
  http: { method: 'POST', path: '/access/users' },
  cli: { command: ['users', 'create'], args: ['name'] },
  input: { name: UserName, role: Role, expires_seconds: linkLifetime.default(86_400) },
  result: z.object({ id: idSchema('user'), ...MadeLink }),
  errors: ['Conflict'],
});

export const setRole = change({
  id: 'access.set_role',
  summary: 'Give a person another role; it counts at once',
  description: 'Nobody can give a role above their own, or change who stands above them. One owner always remains.',
  permission: 'people:write',
  http: { method: 'PUT', path: '/access/users/{user}/role' },
  cli: { command: ['users', 'set-role'], args: ['user', 'role'] },
  input: { user: UserName, role: Role },
  errors: ['NotFound', 'Conflict'],
});

export const removeUser = change({
  id: 'access.remove_user',
  summary: 'Remove a person: their sessions end and their tokens stop working at once',
  description: 'What they did stays in operations and events. The last owner cannot be removed.',
  permission: 'people:write',
  effect: 'destroy',
  http: { method: 'DELETE', path: '/access/users/{user}' },
  cli: { command: ['users', 'remove'], args: ['user'] },
  input: { user: UserName },
  errors: ['NotFound', 'Conflict'],
});

export const createSignInLink = change({
  id: 'access.create_sign_in_link',
  summary: 'Make a one-time sign-in link, for yourself or another person',
  description:
    'For another person: owners and admins, and nobody for who stands above them. A token that ends makes none.',
  permission: 'access:write',
  http: { method: 'POST', path: '/access/sign-in-links' },
  cli: { command: ['sign-in-link'], args: ['user'] },
  input: { user: someone, expires_seconds: linkLifetime.default(900) },
  result: z.object(MadeLink),
  errors: ['NotFound', 'Conflict'],
});

export const listSessions = read({
  id: 'access.list_sessions',
  summary: 'List the sessions of yourself or another person',
  permission: 'access:read',
  http: { method: 'GET', path: '/access/sessions' },
  cli: { command: ['sessions', 'list'], args: ['user'] },
  input: { user: someone },
  output: z.object({ sessions: z.array(SessionView).max(limitsOfAccess.sessions_of_user_max) }),
  errors: ['NotFound'],
});

export const endSession = change({
  id: 'access.end_session',
  summary: 'End a session; its pages are signed out at once',
  permission: 'access:write',
  http: { method: 'DELETE', path: '/access/sessions/{id}' },
  cli: { command: ['sessions', 'end'], args: ['id'] },
  input: { id: idSchema('access_key') },
  errors: ['NotFound', 'Conflict'],
});

export const listTokens = read({
  id: 'access.list_tokens',
  summary: 'List the API tokens of yourself or another person',
  permission: 'access:read',
  http: { method: 'GET', path: '/access/tokens' },
  cli: { command: ['tokens', 'list'], args: ['user'] },
  input: { user: someone },
  output: z.object({ tokens: z.array(TokenView).max(limitsOfAccess.tokens_of_user_max) }),
  errors: ['NotFound'],
});

export const createToken = change({
  id: 'access.create_token',
  summary: 'Make an API token that acts as you, with your role or a narrower one',
  description: 'A token makes none that may do more than itself, or that outlives it.',
  permission: 'access:write',
  http: { method: 'POST', path: '/access/tokens' },
  cli: { command: ['tokens', 'create'], args: ['name'] },
  input: {
    name: TokenName,
    role: Role.optional().describe('What it may do; left out, what you may do at the time it is used.'),
    expires_seconds: z
      .int()
      .min(60)
      .max(315_360_000)
      .optional()
      .describe('How long it works, seconds; left out, until it is revoked, or as long as the token that makes it.'),
  },
  result: z.object({
    id: idSchema('access_key'),
    token: z.string().nullable().describe('Shown once; null when a request is repeated with the same idempotency key.'),
    expires_at: z.int().nullable(),
  }),
  errors: ['Conflict'],
});

export const revokeToken = change({
  id: 'access.revoke_token',
  summary: 'Revoke an API token; it stops working at once',
  permission: 'access:write',
  http: { method: 'DELETE', path: '/access/tokens/{id}' },
  cli: { command: ['tokens', 'revoke'], args: ['id'] },
  input: { id: idSchema('access_key') },
  errors: ['NotFound', 'Conflict'],
});
