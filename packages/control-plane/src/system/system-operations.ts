/** What the operations on Mainstay itself do. */
import { statfs } from 'node:fs/promises';
import { AppError } from '@mainstay/contract/errors';
import { operations } from '@mainstay/contract/operations/index';
import { permissionsOf } from '../access/authorize.ts';
import { standingAlerts } from '../audit/alerts.ts';
import type { Context } from '../context.ts';
import { type Handler, reads } from '../operations/handlers.ts';

/** Less free space than this is told as a problem. */
const free_bytes_min = 128 * 1024 * 1024;

export const systemHandlers: Handler[] = [
  reads(operations['system.health'], async (context) => {
    // Whoever balances load asks /readyz, which an alert does not concern; people look here.
    const checks = { ...(await healthChecks(context)), ...(await alertChecks(context)) };
    const ok = Object.values(checks).every((check) => check.ok);
    return { state: ok ? ('ok' as const) : ('degraded' as const), version: context.version, checks };
  }),

  reads(operations['system.whoami'], async (_context, _input, { actor }) => {
    if (!actor) throw new AppError('Unauthenticated', 'Nobody is signed in.');
    return { actor, permissions: [...permissionsOf(actor)] };
  }),
];

/** Anybody may ask for this, so that it tells no more than that there is something. */
async function alertChecks({ store }: Context): Promise<Record<string, Check>> {
  const { length } = await standingAlerts(store);
  const message = `${length} ${length === 1 ? 'alert stands' : 'alerts stand'}: mainstay audit head`;
  return { audit: { ok: length === 0, message: length === 0 ? 'no alert' : message } };
}

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
