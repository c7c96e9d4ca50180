import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { unchanged_server, type WantedServer } from '../server/server-part.ts';
import { createProcessSupervisor } from '../supervisor/process-supervisor.ts';
import { fileSink, until } from '../supervisor/supervisor.fixtures.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { cloudflared } from './cloudflared.ts';
import { installStandIn } from './testing/cloudflared-stand-in.ts';
import { createTunnelPart, type TunnelPart } from './tunnel-part.ts';

let folder: string;
let supervisor: Supervisor;
let tunnel: TunnelPart;
let events: string[];
const never = new AbortController().signal;

function begin(path = installStandIn(folder)) {
  supervisor = createProcessSupervisor({ home: folder, sink: fileSink(join(folder, 'lines')), log: silentLogger() });
  tunnel = createTunnelPart({
    home: folder,
    program: cloudflared(path),
    supervisor,
    // The commitment is the token here; what a commitment means is tested where secrets are.
    resolve: async (commitment) => commitment,
    clock: systemClock,
    log: silentLogger(),
    emit: ({ kind }) => events.push(kind),
    changed: () => {},
    ready_within_ms: 3_000,
  });
}

function wanted(token: string | null): WantedServer {
  return { ...unchanged_server, tunnel: token === null ? null : { kind: 'cloudflared', token } };
}

function started(): { argv: string[]; token: string }[] {
  const path = join(folder, 'started');
  return existsSync(path)
    ? readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
    : [];
}

function instanceId(): string {
  return JSON.parse(readFileSync(join(folder, 'tunnel.json'), 'utf8')).running.id;
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-tunnel-'));
  events = [];
});
afterEach(async () => {
  await tunnel.apply(wanted(null), never);
  await supervisor.detach();
  rmSync(folder, { recursive: true, force: true });
});

test('a tunnel is up when it is connected, and its token is on no command line', async () => {
  begin();
  await tunnel.apply(wanted('good-one'), never);
  expect(tunnel.observe()).toMatchObject({ kind: 'cloudflared', state: 'connected', message: '4 connections' });
  expect(events).toEqual(['tunnel.connected']);
  const [first] = started();
  expect(first?.token).toBe('good-one');
  expect(first?.argv.join(' ')).not.toContain('good-one');
  await tunnel.apply(wanted('good-one'), never);
  expect(started(), 'what is in force is not started again').toHaveLength(1);
});

test.each([
  ['is refused', 'bad-token', /did not connect: it ended.*token is not valid/],
  ['never connects', 'stuck', /no connection to the edge yet .*after 3 s/],
])('a token that %s fails with what the program said, and the tunnel before it goes on', async (_, token, message) => {
  begin();
  await tunnel.apply(wanted('good-one'), never);
  const before = instanceId();
  await expect(tunnel.apply(wanted(token), never)).rejects.toMatchObject({
    message: expect.stringMatching(message),
    hint: expect.stringContaining('What was in force before stays'),
  });
  expect(instanceId()).toBe(before);
  expect(supervisor.isRunning(before)).toBe(true);
});

test('a new token runs beside the old one until it is connected', async () => {
  begin();
  await tunnel.apply(wanted('good-one'), never);
  const before = instanceId();
  await tunnel.apply(wanted('good-two'), never);
  expect(started().map(({ token }) => token)).toEqual(['good-one', 'good-two']);
  expect(supervisor.isRunning(before)).toBe(false);
  expect(events).toEqual(['tunnel.connected']);
});

test('a tunnel that is killed is started again, and one that is cut is told as down and as connected again', async () => {
  begin();
  await tunnel.apply(wanted('good-one'), never);
  await supervisor.stop(instanceId());
  await until('it is connected again', async () => {
    await tunnel.keepUp(wanted('good-one'));
    return tunnel.observe()?.state === 'connected' && started().length === 2;
  });
  writeFileSync(join(folder, 'down'), '');
  await tunnel.keepUp(wanted('good-one'));
  expect(tunnel.observe()?.state).toBe('down');
  rmSync(join(folder, 'down'));
  await tunnel.keepUp(wanted('good-one'));
  expect(events).toEqual(['tunnel.connected', 'tunnel.down', 'tunnel.connected', 'tunnel.down', 'tunnel.connected']);
});

test('a tunnel outlives its agent and is adopted by the next one', async () => {
  begin();
  await tunnel.apply(wanted('good-one'), never);
  const id = instanceId();
  await supervisor.detach();
  begin();
  expect(await tunnel.recover()).toEqual([id]);
  await tunnel.apply(wanted('good-one'), never);
  expect(instanceId()).toBe(id);
  expect(started()).toHaveLength(1);
});

test('where the program is not installed, the failure says so and where to get it', async () => {
  begin(join(folder, 'nowhere'));
  await expect(tunnel.apply(wanted('good-one'), never)).rejects.toMatchObject({
    message: expect.stringContaining('is not installed on this server'),
    hint: expect.stringContaining('https://'),
  });
});
