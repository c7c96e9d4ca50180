/** What the operations on services do. */
import { operations } from '@mainstay/contract/operations/index';
import { type Handler, reads } from '../operations/handlers.ts';
import { getServerRow, serversOfStack } from '../servers/server-store.ts';
import { baseVersion, getStackRow, selectStacks } from './stack-store.ts';
import { servicesOnServer } from './stack-view.ts';

export const serviceHandlers: Handler[] = [
  reads(operations['services.list'], async ({ store }, { stack, server, service }) => {
    const stacks = stack === undefined ? await selectStacks(store) : [await getStackRow(store, stack)];
    if (server !== undefined) await getServerRow(store, server);
    const services = [];
    for (const row of stacks) {
      const base = await baseVersion(store, row);
      for (const entry of await serversOfStack(store, row.id)) services.push(...servicesOnServer(row, base, entry));
    }
    return {
      services: services.filter(
        (entry) =>
          (server === undefined || entry.server === server) && (service === undefined || entry.service === service),
      ),
    };
  }),
];
