/** Mainstay itself: how it is, who is asking. */
import * as z from 'zod';
import { Actor, read } from '../operation.ts';

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
