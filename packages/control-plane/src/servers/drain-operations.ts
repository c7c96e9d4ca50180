/** What draining a server, and undraining it, do: a version of its server state, which ends when the server says that it is so. */
import { operations } from '@mainstay/contract/operations/index';
import { changes, type Handler } from '../operations/handlers.ts';
import { findStackById } from '../stacks/stack-store.ts';
import { planServerState } from './server-state-plan.ts';
import { drainedServers, isDrained } from './server-state-store.ts';
import { reportedState, serversOfStack } from './server-store.ts';

export const drainHandlers: Handler[] = [
  changes(operations['servers.drain'], (context, { server: name }) =>
    planServerState(context, name, async (current, server) => {
      const { store } = context;
      const warnings: string[] = [];
      const drained = await drainedServers(store);
      const is_drained = isDrained(server.id, drained, await reportedState(store, server));
      const stack = server.stack_id === null ? null : await findStackById(store, server.stack_id);
      if (stack) {
        const others = (await serversOfStack(store, stack.id)).filter(({ id }) => id !== server.id && !drained.has(id));
        if (others.length === 0)
          warnings.push(`No other server runs stack ${stack.name}: after this nothing serves it.`);
        else if (others.every(({ online }) => !online))
          warnings.push(`All other servers of stack ${stack.name} are offline.`);
      }
      if (!server.online) warnings.push(`${name} is offline: it is drained when it is back.`);
      const note = 'its services finish what is open, and stop; their data is kept';
      return {
        next: { ...current, drained: true },
        summary: `Drain server ${name}`,
        changes: is_drained ? [] : [{ action: 'update', path: 'drained', from: false, to: true, note }],
        warnings,
      };
    }),
  ),

  changes(operations['servers.undrain'], (context, { server: name }) =>
    planServerState(context, name, async (current, server) => {
      const reported = await reportedState(context.store, server);
      const is_drained = isDrained(server.id, await drainedServers(context.store), reported);
      const pending = reported?.drained && reported.receipt?.state === 'running' ? reported.accepted_version : null;
      const note = pending === null ? 'its services start again' : `its services start again, by version ${pending}`;
      return {
        next: { ...current, drained: false },
        summary: `Undrain server ${name}`,
        changes: is_drained ? [{ action: 'update', path: 'drained', from: true, to: false, note }] : [],
        warnings: server.online ? [] : [`${name} is offline: it is undrained when it is back.`],
      };
    }),
  ),
];
