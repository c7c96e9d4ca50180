/** What the operations on services do. */
import { operations } from '@mainstay/contract/operations/index';
import { type Handler, reads } from '../operations/handlers.ts';
import { getServerRow, reportedStates, serversOfStack } from '../servers/server-store.ts';
import { baseVersion, getStackRow, selectStacks } from './stack-store.ts';
import { servicesOnServer } from './stack-view.ts';

export const serviceHandlers: Handler[] = [
  reads(operations['services.list'], async ({ store }, { stack, server, service }) => {
    const stacks = stack === undefined ? await selectStacks(store) : [await getStackRow(store, stack)];
    if (server !== undefined) await getServerRow(store, server);
    const services = [];
    for (const row of stacks) {
      const base = await baseVersion(store, row);
      const servers = (await serversOfStack(store, row.id)).filter(
        (entry) => server === undefined || entry.name === server,
      );
      const states = await reportedStates(store, servers);
      for (const entry of servers) services.push(...servicesOnServer(row, base, entry, states.get(entry.id) ?? null));
    }
    return { services: services.filter((entry) => service === undefined || entry.service === service) };
  }),
];
