/**
 * Lets servers go that their stack has left: once a server says that it carried out the version which is no longer for it, or never had any of
 * the stack, it is nobody's, and another stack may choose it. Until then it stays with the stack, so that it is told so when it is back.
 */
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { findServerById, reportedStates, runsVersion, serversOfStack, updateServer } from '../servers/server-store.ts';
import { BatchConflict } from '../store/store.ts';
import { baseVersion, findStackById, findVersion, selectChoosers } from './stack-store.ts';

/** Idempotent. */
export async function reconcileTargets(context: Context): Promise<void> {
  const { store, clock, signals } = context;
  for (const { id } of await selectChoosers(store)) {
    const stack = await findStackById(store, id);
    const base = stack && (await baseVersion(store, stack));
    const newest = stack && (await findVersion(store, id, stack.desired_version));
    const targets = base?.document.targets;
    if (!stack || !targets || newest?.row.state === 'running') continue;
    const leaving = (await serversOfStack(store, id)).filter((server) => !targets.includes(server.id));
    const states = await reportedStates(store, leaving);
    for (const server of leaving) {
      const reported = states.get(server.id) ?? null;
      if (reported?.stack_id === id && !runsVersion(reported, base.version)) continue;
      const row = await findServerById(store, server.id);
      if (row?.stack_id !== id) continue;
      const message = `Server ${row.name} is no longer of stack ${stack.name}, which chooses its servers by their labels.`;
      try {
        await store.batch([
          updateServer(store, row, { stack_id: null }),
          insertEvent(store, { kind: 'server.left', message, at: clock.now(), server: row.name, stack: stack.name }),
        ]);
      } catch (error) {
        // Somebody gave it something else to do; it is looked at again.
        if (!(error instanceof BatchConflict)) throw error;
      }
      signals.notify('servers', 'stacks', 'events');
    }
  }
}
