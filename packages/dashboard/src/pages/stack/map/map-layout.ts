/**
 * Where everything on the map stands: five columns, one row per service, the same for the same stack every time. A service has
 * at most one route, so route, service and name share a row and their lines are straight.
 */
import { canReach, type MapModel, type MapProxy, type MapService } from './map-model.ts';

export type MapBox = { x: number; y: number; width: number; height: number };

export type MapNode = MapBox & { id: string } & (
    | { kind: 'outside'; bind: MapModel['bind'] }
    | { kind: 'proxy'; proxy: MapProxy }
    | { kind: 'route'; prefix: string; strip: boolean; faded: boolean }
    | { kind: 'service'; service: MapService; chosen: boolean; faded: boolean }
    | { kind: 'name'; service: MapService; chosen: boolean; faded: boolean }
  );

export type MapEdge = {
  id: string;
  source: string;
  target: string;
  /** `open`: requests can pass. `closed`: something on the way does not run. `alias`: is known as. `call`: may call. */
  kind: 'open' | 'closed' | 'alias' | 'call';
  faded: boolean;
};

export type Column = 'outside' | 'proxy' | 'routes' | 'services' | 'names';
export type MapLayout = {
  width: number;
  height: number;
  columns: Record<Column, { x: number; width: number }>;
  nodes: MapNode[];
  edges: MapEdge[];
};

const widths: Record<Column, number> = { outside: 108, proxy: 158, routes: 122, services: 182, names: 268 };
const order = ['outside', 'proxy', 'routes', 'services', 'names'] as const satisfies Column[];
const gap_min = 24;
const gap_max = 110;
const row_height = 68;
const box_height = 54;
const route_height = 46;
const top = 4;
const middle_rows_max = 3.5;

const boxes_width = order.reduce((sum, column) => sum + widths[column], 0);
/** On less room than this the map has a scroller of its own. */
export const width_min = boxes_width + gap_min * (order.length - 1);

export function mapLayout(model: MapModel, available: number, chosen: string | undefined): MapLayout {
  const room = Math.max(available, width_min);
  const gap = Math.min(gap_max, (room - boxes_width) / (order.length - 1));
  const columns = columnsAt(gap);
  const routed = model.services.filter((service) => service.route !== null);
  const rows = Math.max(model.services.length, model.proxies.length, 1);
  // Beside a long list of routes they stay where they are seen first.
  const middle = top + Math.min(Math.max(routed.length, 1) / 2, middle_rows_max) * row_height;
  const box = (column: Column, center: number, height = box_height): MapBox => ({
    ...columns[column],
    y: Math.round(center - height / 2),
    height,
  });
  const rowAt = (index: number) => top + index * row_height + row_height / 2;
  const proxies_top = Math.max(top, middle - (model.proxies.length * row_height) / 2);
  const isFaded = (service: MapService) => chosen !== undefined && service.name !== chosen;
  const nodes: MapNode[] = [
    { id: 'outside', kind: 'outside', bind: model.bind, ...box('outside', Math.max(middle, top + row_height / 2)) },
    ...model.proxies.map(
      (proxy, index): MapNode => ({
        id: `proxy ${proxy.key}`,
        kind: 'proxy',
        proxy,
        ...box('proxy', proxies_top + index * row_height + row_height / 2),
      }),
    ),
    ...model.services.flatMap((service, index): MapNode[] => {
      const at = { chosen: service.name === chosen, faded: isFaded(service) };
      const { route } = service;
      return [
        ...(route
          ? [
              {
                id: `route ${service.name}`,
                kind: 'route' as const,
                ...route,
                faded: at.faded,
                ...box('routes', rowAt(index), route_height),
              },
            ]
          : []),
        { id: `service ${service.name}`, kind: 'service', service, ...at, ...box('services', rowAt(index)) },
        { id: `name ${service.name}`, kind: 'name', service, ...at, ...box('names', rowAt(index)) },
      ];
    }),
  ];
  return {
    width: columns.names.x + widths.names,
    height: top * 2 + rows * row_height,
    columns,
    nodes,
    edges: [...edgesFromOutside(model, chosen), ...edgesInside(model, chosen)],
  };
}

function columnsAt(gap: number): MapLayout['columns'] {
  let x = 0;
  const at = order.map((column) => {
    const found = { x: Math.round(x), width: widths[column] };
    x += widths[column] + gap;
    return [column, found] as const;
  });
  return Object.fromEntries(at) as MapLayout['columns'];
}

function edgesFromOutside({ proxies, services }: MapModel, chosen: string | undefined): MapEdge[] {
  const edge = (source: string, target: string, open: boolean, faded = false): MapEdge => ({
    id: `${source} > ${target}`,
    source,
    target,
    kind: open ? 'open' : 'closed',
    faded,
  });
  return [
    ...proxies.map((proxy) => edge('outside', `proxy ${proxy.key}`, proxy.open_on.length > 0)),
    ...services.flatMap((service) => {
      if (service.route === null) return [];
      const faded = chosen !== undefined && chosen !== service.name;
      const route = `route ${service.name}`;
      return [
        ...proxies.map((proxy) => edge(`proxy ${proxy.key}`, route, canReach(proxy, service), faded)),
        edge(
          route,
          `service ${service.name}`,
          proxies.some((proxy) => canReach(proxy, service)),
          faded,
        ),
      ];
    }),
  ];
}

/** Every service is known by its name; who may call a service (every other) is drawn for the chosen one only. */
function edgesInside({ services }: MapModel, chosen: string | undefined): MapEdge[] {
  return services.flatMap((service) => {
    const target = `name ${service.name}`;
    const own: MapEdge = {
      id: `${service.name} known`,
      source: `service ${service.name}`,
      target,
      kind: 'alias',
      faded: chosen !== undefined && chosen !== service.name,
    };
    if (service.name !== chosen) return [own];
    const callers = services.filter(({ name }) => name !== chosen);
    return [
      own,
      ...callers.map(
        (caller): MapEdge => ({
          id: `${caller.name} calls ${service.name}`,
          source: `service ${caller.name}`,
          target,
          kind: 'call',
          faded: false,
        }),
      ),
    ];
  });
}
