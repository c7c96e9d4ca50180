/** Search parameters of this page: they are its state, so that every view can be linked. */
import { oneOf, type RawSearch, textOf } from '../../search.ts';

export const serverFilters = ['online', 'trouble', 'invited'] as const;
export const serverOrders = ['name', 'state', 'stack', 'cpu', 'memory', 'disk', 'services', 'agent'] as const;

export type ServerFilter = (typeof serverFilters)[number];
export type ServerOrder = (typeof serverOrders)[number];
export type ServersSearch = {
  q?: string | undefined;
  show?: ServerFilter | undefined;
  sort?: ServerOrder | undefined;
};

export function serversSearch(raw: RawSearch): ServersSearch {
  return { q: textOf(raw['q']), show: oneOf(raw['show'], serverFilters), sort: oneOf(raw['sort'], serverOrders) };
}
