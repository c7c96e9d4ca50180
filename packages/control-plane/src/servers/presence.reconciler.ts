/** Notices servers that have gone silent. */
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { offline_after_ms, serversSilentSince } from './server-store.ts';

/** @param started_at When this control plane began to listen: before that, nobody could report. */
export async function reconcilePresence(context: Context, started_at: number): Promise<void> {
  const { store, clock, signals } = context;
  const now = clock.now();
  if (now - started_at <= offline_after_ms) return;
  const silent = await serversSilentSince(store, now - offline_after_ms);
  for (const server of silent) {
    const seconds = Math.round((now - (server.last_seen_at ?? now)) / 1000);
    const message = `Server ${server.name} has not reported for ${seconds} s. What runs on it goes on by itself.`;
    await store.batch([
      {
        query: store.db
          .updateTable('servers')
          .set({ online: 0 })
          .where('id', '=', server.id)
          .where('last_seen_at', '=', server.last_seen_at),
      },
      insertEvent(store, { kind: 'server.offline', severity: 'warning', message, at: now, server: server.name }),
    ]);
  }
  if (silent.length > 0) signals.notify('servers', 'services', 'stacks', 'events');
}
