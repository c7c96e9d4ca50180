/** What the operations on services do. */
import { operations } from '@mainstay/contract/operations/index';
import { type Handler, reads } from '../operations/handlers.ts';
import { getServerRow, reportedStates, serversOfStack } from '../servers/server-store.ts';
import { baseVersion, getStackRow, selectStacks } from './stack-store.ts';
import { servicesOnServer } from './stack-view.ts';

export const serviceHandlers: Handler[] = [
  reads(operations['services.list'], async ({ store }, { stack, server, service }) => {
    const stacks = stack === undefined ? await selectStacks(store) : [await getStackRow(store, stack)];
    const asked = server === undefined ? null : await getServerRow(store, server);
    const services = [];
    for (const row of stacks) {
      if (asked !== null && (asked.stack_id !== row.id || asked.enrolled_at === null)) continue;
      const base = await baseVersion(store, row);
      const servers = asked === null ? await serversOfStack(store, row.id) : [asked];
      const states = await reportedStates(store, servers);
      for (const entry of servers) services.push(...servicesOnServer(row, base, entry, states.get(entry.id) ?? null));
    }
    return { services: services.filter((entry) => service === undefined || entry.service === service) };
  }),
];
