import fc from 'fast-check';
import { expect, test } from 'vitest';
import { mapLayout, width_min } from './map-layout.ts';
import type { MapModel, MapService } from './map-model.ts';

function service(name: string, prefix: string | null, open = true): MapService {
  return {
    name,
    status: { tone: 'good', word: 'Healthy' },
    running_on: open ? ['one'] : [],
    servers: 1,
    route: prefix === null ? null : { prefix, strip: false },
    variable: 'X',
    name_url: 'http://x',
  };
}

function model(services: MapService[], open = true): MapModel {
  const status = { tone: 'good' as const, word: 'Running' };
  const proxy = { key: 'one', address: ':80', on: 'on one', status, open_on: open ? ['one'] : [] };
  return { proxies: [proxy], services, bind: 'loopback' };
}

test('nothing overlaps and everything fits the width, whatever the room and however many services', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 100, max: 3_000 }), (count, room) => {
      const services = Array.from({ length: count }, (_, index) =>
        service(`s${index}`, index % 2 ? `/${index}` : null),
      );
      const { nodes, width, height } = mapLayout(model(services), room, undefined);
      expect(width).toBeLessThanOrEqual(Math.max(room, width_min) + 1);
      for (const [index, a] of nodes.entries()) {
        expect(a.y >= 0 && a.y + a.height <= height && a.x >= 0 && a.x + a.width <= width).toBe(true);
        for (const b of nodes.slice(index + 1)) {
          const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
          expect(apart, `${a.id} ${b.id}`).toBe(true);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test('requests pass only where both the proxy and the service run', () => {
  const kinds = (proxy_open: boolean, service_open: boolean) =>
    mapLayout(model([service('api', '/', service_open)], proxy_open), 1_000, undefined)
      .edges.filter(({ target }) => target === 'route api' || target === 'service api')
      .map(({ kind }) => kind);
  expect(kinds(true, true)).toEqual(['open', 'open']);
  expect(kinds(false, true)).toEqual(['closed', 'closed']);
  expect(kinds(true, false)).toEqual(['closed', 'closed']);
});

test('a proxy reaches only what runs on its own server', () => {
  const { proxies, ...rest } = model([{ ...service('api', '/'), running_on: ['two'] }]);
  const two = { ...proxies[0]!, key: 'two', open_on: ['two'] };
  const { edges } = mapLayout({ ...rest, proxies: [...proxies, two] }, 1_000, undefined);
  const kind = (id: string) => edges.find((edge) => edge.id === id)?.kind;
  expect(kind('proxy one > route api')).toBe('closed');
  expect(kind('proxy two > route api')).toBe('open');
  expect(kind('route api > service api')).toBe('open');
});

test('of the chosen service every other one is a caller, and nothing calls itself', () => {
  const services = [service('api', '/'), service('web', '/web'), service('clock', null)];
  const calls = mapLayout(model(services), 1_000, 'api').edges.filter(({ kind }) => kind === 'call');
  expect(calls.map(({ source, target }) => [source, target])).toEqual([
    ['service web', 'name api'],
    ['service clock', 'name api'],
  ]);
});
