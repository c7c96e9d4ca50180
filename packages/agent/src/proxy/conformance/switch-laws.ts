/** Laws of the switch from one backend to the next: none is lost, none is cut but by `cut`. */

import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { Differences } from './differences.ts';
import { ask, type Harness, raw, startLoad, until } from './harness.ts';

const routes = [{ prefix: '/', strip: false, service: 'api' }];

/** A WebSocket, which answers with what it is sent, and a stream, both of which stay open on the backend that this makes the one that serves. */
export async function openStaying(h: Harness, id: string) {
  const backend = await h.backend(id, (_incoming, response) => response.write('begun'));
  const sockets = new WebSocketServer({ server: backend.server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await h.apply({ services: { api: { active: backend } }, routes });
  const socket = new WebSocket(`ws://127.0.0.1:${h.external}/`);
  /** The code with which the WebSocket is closed. */
  const broken = new Promise<number>((done) => socket.on('error', () => {}).once('close', done));
  await new Promise((done) => socket.once('open', done));
  const stream = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await until('the stream has begun', () => stream.text().includes('begun'));
  const says = (text: string) => {
    const echo = new Promise((done) => socket.once('message', (data) => done(String(data))));
    socket.send(text);
    return echo;
  };
  return { backend, broken, stream, says };
}

/** The law of a proxy that holds no more than two requests, for a short time. */
export async function boundsOfHolding(h: Harness): Promise<void> {
  await h.apply({ services: { api: { active: null, held: true } }, routes });
  const waiting = [ask(h.external), ask(h.external)];
  await until('both wait', async () => (await h.proxy.status()).waiting['api'] === 2);
  const third = await ask(h.external);
  for (const answer of [third, ...(await Promise.all(waiting))]) {
    expect(answer.status).toBe(503);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
  expect(third.body).toMatch(/Too many requests/);
}

export function switchLaws(harness: () => Harness, differences: Differences): void {
  test('new requests go to the new backend when apply returns, while those in flight end on the old one', async () => {
    const h = harness();
    const open: import('node:http').ServerResponse[] = [];
    const old = await h.backend('old', (_incoming, response) => {
      open.push(response);
      response.write('old ');
    });
    const next = await h.backend('next', (_incoming, response) => response.end('next'));
    await h.apply({ services: { api: { active: old } }, routes });
    const inFlight = ask(h.external);
    await until('it is at the old one', () => open.length === 1);
    await h.apply({ services: { api: { active: next } }, routes });
    expect((await ask(h.external)).body).toBe('next');
    expect((await h.proxy.status()).in_flight).toMatchObject({ [old.id]: 1 });
    open[0]!.end('ends');
    expect((await inFlight).body).toBe('old ends');
    await until('nothing is open on the old one', async () => !(old.id in (await h.proxy.status()).in_flight));
    expect(old.seen).toHaveLength(1);
  });

  test('a switch under load loses no request', async () => {
    const h = harness();
    const backends = [];
    for (const id of ['a', 'b']) {
      backends.push(
        await h.backend(`load-${id}`, (incoming, response) => {
          incoming.resume().on('end', () => setTimeout(() => response.end(id), 3));
        }),
      );
    }
    await h.apply({ services: { api: { active: backends[0]! } }, routes });
    const load = startLoad(h.external, 16);
    for (let turn = 1; turn <= 10; turn++) {
      await sleep(60);
      await h.apply({ services: { api: { active: backends[turn % 2]! } }, routes });
    }
    const { sent, failed, bodies } = await load.stop();
    expect(failed).toEqual([]);
    expect(sent).toBeGreaterThan(100);
    expect([...bodies].sort()).toEqual(['a', 'b']);
  });

  test('a backend with a fixed port is replaced while requests are held: none is lost', async () => {
    const h = harness();
    const echo =
      (id: string) => (incoming: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => {
        incoming.resume().on('end', () => response.end(id));
      };
    const old = await h.backend('fixed-old', echo('old'));
    await h.apply({ services: { api: { active: old } }, routes });
    const load = startLoad(h.external, 16);
    await sleep(200);
    await h.apply({ services: { api: { active: old, held: true } }, routes });
    await until('the old one is drained', async () => !(old.id in (await h.proxy.status()).in_flight));
    await old.close();
    await until('requests wait', async () => (await h.proxy.status()).waiting['api'] === 16);
    await sleep(800);
    const next = await h.backend('fixed-next', echo('next'), old.port);
    await h.apply({ services: { api: { active: next } }, routes });
    expect((await ask(h.external)).body).toBe('next');
    await sleep(100);
    const { failed, bodies } = await load.stop();
    expect(failed).toEqual([]);
    expect([...bodies].sort()).toEqual(['next', 'old']);
    expect((await h.proxy.status()).waiting).toEqual({});
  });

  test('requests that were held go on in the order in which they came', async () => {
    const h = harness();
    const active = await h.backend('order', (_incoming, response) => response.end('ok'));
    await h.apply({ services: { api: { active, held: true } }, routes });
    const answers = [];
    for (let i = 0; i < 10; i++) {
      answers.push(ask(h.external, { path: `/${i}` }));
      await until('it waits', async () => (await h.proxy.status()).waiting['api'] === i + 1);
    }
    await h.apply({ services: { api: { active } }, routes });
    for (const answer of answers) expect((await answer).status).toBe(200);
    const came = Array.from({ length: 10 }, (_, i) => `GET /${i}`);
    expect(differences.lets_go_by_thread ? active.seen.toSorted() : active.seen).toEqual(came);
  });

  test('a client that leaves while it is held never reaches the backend', async () => {
    const h = harness();
    const active = await h.backend('left', (_incoming, response) => response.end('ok'));
    await h.apply({ services: { api: { active, held: true } }, routes });
    const connection = raw(h.external, 'GET /left HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('it waits', async () => (await h.proxy.status()).waiting['api'] === 1);
    connection.socket.destroy();
    await until('it waits no longer', async () => (await h.proxy.status()).waiting['api'] === undefined);
    await h.apply({ services: { api: { active } }, routes });
    expect((await ask(h.external, { path: '/after' })).status).toBe(200);
    expect(active.seen).toEqual(['GET /after']);
  });

  test('a WebSocket and a stream stay on the old backend until it is cut', async () => {
    const h = harness();
    const { backend: old, broken, stream, says } = await openStaying(h, 'cut-old');
    const next = await h.backend('cut-next', (_incoming, response) => response.end('next'));
    await h.apply({ services: { api: { active: next } }, routes });
    expect(await says('still here')).toBe('still here');
    expect((await h.proxy.status()).in_flight[old.id]).toBe(2);
    expect(stream.closed()).toBe(false);
    await h.proxy.cut(old.id);
    expect(await broken).toBe(1_006);
    await until('the stream is broken', () => stream.closed());
    expect(stream.text()).not.toMatch(/0\r\n\r\n$/);
    await until('nothing is open', async () => (await h.proxy.status()).in_flight[old.id] === undefined);
    expect((await ask(h.external)).body).toBe('next');
  });

  test('applying the same configuration again changes nothing', async () => {
    const h = harness();
    const active = await h.backend('same', (_incoming, response) => response.write('begun'));
    await h.apply({ services: { api: { active } }, routes });
    const stream = raw(h.external, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await until('the stream has begun', () => stream.text().includes('begun'));
    await h.apply({ services: { api: { active } }, routes });
    expect((await h.proxy.status()).in_flight[active.id]).toBe(1);
    expect(stream.closed()).toBe(false);
    stream.socket.destroy();
  });
}
