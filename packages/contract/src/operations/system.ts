/** Mainstay itself: how it is, who is asking, how a person signs in. */
import * as z from 'zod';
import { Actor, change, read } from '../operation.ts';

export const getHealth = read({
  id: 'system.health',
  summary: 'Tell how the control plane is',
  permission: 'none',
  http: { method: 'GET', path: '/health' },
  cli: { command: ['health'] },
  input: {},
  output: z.object({
    state: z.enum(['ok', 'degraded']),
    version: z.string(),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), message: z.string() })),
  }),
});

export const whoAmI = read({
  id: 'system.whoami',
  summary: 'Tell who is signed in',
  permission: 'system:read',
  http: { method: 'GET', path: '/whoami' },
  cli: { command: ['whoami'] },
  input: {},
  output: z.object({ actor: Actor, permissions: z.array(z.string()) }),
});

export const createSignInLink = change({
  id: 'access.create_sign_in_link',
  summary: 'Make a one-time sign-in link for yourself',
  permission: 'access:write',
  http: { method: 'POST', path: '/access/sign-in-links' },
  cli: { command: ['sign-in-link'] },
  input: { expires_seconds: z.int().min(60).max(86_400).default(900) },
  result: z.object({
    url: z.string().nullable().describe('Shown once; null when a request is repeated with the same idempotency key.'),
    expires_at: z.int(),
  }),
});
