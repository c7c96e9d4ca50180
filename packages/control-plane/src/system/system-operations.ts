/** What the operations on Mainstay itself do. */
import { statfs } from 'node:fs/promises';
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { newKey } from '../access/access-store.ts';
import { permissionsOf } from '../access/authorize.ts';
import type { Context } from '../context.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';

/** Less free space than this is told as a problem. */
const free_bytes_min = 128 * 1024 * 1024;

export const systemHandlers: Handler[] = [
  reads(operations['system.health'], async (context) => {
    const checks = await healthChecks(context);
    const ok = Object.values(checks).every((check) => check.ok);
    return { state: ok ? ('ok' as const) : ('degraded' as const), version: context.version, checks };
  }),

  reads(operations['system.whoami'], async (_context, _input, { actor }) => {
    if (!actor) throw new AppError('Unauthenticated', 'Nobody is signed in.');
    return { actor, permissions: [...permissionsOf(actor)] };
  }),

  changes(operations['access.create_sign_in_link'], async (context, { expires_seconds }, actor) => ({
    summary: `Make a one-time sign-in link for ${actor.name}`,
    target: `user/${actor.id}`,
    base: 0,
    changes: [{ action: 'create', path: 'sign_in_link', note: `holds for ${expires_seconds} s, once` }],
    action: { kind: 'control_plane' },
    carryOut: ({ now }) => {
      const expires_at = now + expires_seconds * 1000;
      const link = newKey(context.store, 'sign_in_link', actor.id, now, expires_at);
      // The key stands behind the #, which browsers keep to themselves: it reaches no log and no Referer.
      const url = `${context.public_url()}/#sign-in=${link.key}`;
      return { statements: [link.statement], result: { url, expires_at }, kept_result: { url: null, expires_at } };
    },
  })),
];

type Check = { ok: boolean; message: string };

export async function healthChecks(context: Context): Promise<Record<string, Check>> {
  const problem = await context.store.check();
  const disk = await statfs(context.home);
  const free = disk.bavail * disk.bsize;
  const keys = await context.keeper.keys().catch(() => []);
  return {
    store: { ok: problem === null, message: problem ?? 'can be read and written' },
    disk: { ok: free >= free_bytes_min, message: `${Math.floor(free / 1024 / 1024)} MiB free` },
    keeper: { ok: keys.length > 0, message: keys.length > 0 ? 'answers' : 'does not answer' },
  };
}
