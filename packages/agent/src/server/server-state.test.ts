import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerStateOffer } from '@mainstay/contract/agent-answers';
import type { Grant } from '@mainstay/contract/grant';
import { newId } from '@mainstay/contract/ids';
import { pinKey } from '@mainstay/contract/key-changes';
import { planHash } from '@mainstay/contract/plan';
import { type ServerState, serverContentDigest, serverStateDigest } from '@mainstay/contract/server-state';
import { silentLogger, systemClock } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createProblems } from '../problems.ts';
import { openState, type State } from '../state/state.ts';
import { createStandInKeeper, type StandInKeeper } from '../testing/stand-in-keeper.ts';
import { ServerFailure, type ServerPart, type WantedServer } from './server-part.ts';
import { createServerReconciler, type ServerReconciler } from './server-reconciler.ts';

let folder: string;
let state: State;
let keeper: StandInKeeper;
let server: ServerReconciler;
let done: string[];
const server_id = newId('server');

/** A part that writes down what it is told; security fails for a mode that it was told to refuse. */
function part(name: ServerPart['name'], refused?: string): ServerPart {
  return {
    name,
    async apply({ security, tunnel }) {
      if (name === 'security' && security.mode === refused)
        throw new ServerFailure('the rules are as before', 'try none');
      done.push(name === 'security' ? `security ${security.mode}` : `${name} ${tunnel ? 'up' : 'off'}`);
    },
    keepUp: async () => {},
  };
}

function start(parts: ServerPart[], chosen_here?: WantedServer) {
  server = createServerReconciler({
    server_id,
    states: state.server,
    keeper_keys: { pinned: () => pinKey(keeper.key), follow: async () => false },
    parts,
    clock: systemClock,
    log: silentLogger(),
    problems: createProblems(() => {}),
    emit: () => {},
    changed: () => {},
    interval_ms: 20,
    ...(chosen_here ? { chosen_here } : {}),
  });
  server.start();
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mainstay-server-state-'));
  state = openState(folder);
  keeper = await createStandInKeeper();
  done = [];
});
afterEach(async () => {
  await server.stop();
  state.close();
  rmSync(folder, { recursive: true, force: true });
});

function documentOf(version: number, over: Partial<ServerState> = {}): ServerState {
  const security: WantedServer['security'] = { mode: 'daemon-port', ssh_from: [], firewall: 'auto', cut_ssh: false };
  return { schema: 1, server_id, version, security, tunnel: null, agent: null, drained: false, ...over };
}

async function signed(document: ServerState, over: Partial<Grant> = {}): Promise<ServerStateOffer> {
  const sha256 = await serverStateDigest(document);
  const content_sha256 = await serverContentDigest(document);
  const plan = { operation: 'servers.firewall_set', target: 'server/h1', base: 0, changes: [], content_sha256 };
  const action = { kind: 'server_state', server_id: document.server_id, version: document.version, sha256 } as const;
  const terms = { operation: plan.operation, aud: [server_id], plan_hash: await planHash(plan), ...over };
  return { document, sha256, plan, grant: await keeper.sign(action, terms) };
}

async function receipt(version: number) {
  for (const until = Date.now() + 10_000; Date.now() < until; ) {
    const found = state.server.receipt();
    if (found?.version === version && found.state !== 'running') return found;
    await systemClock.sleep(5);
  }
  throw new Error(`version ${version} was not settled`);
}

const tunnel = { kind: 'cloudflared', token: 'a'.repeat(64) } as const;
const closed: WantedServer['security'] = { mode: 'tunnel', ssh_from: [], firewall: 'auto', cut_ssh: false };

test('a signed server state is applied once, and what takes the place of an open port stands before that is closed', async () => {
  start([part('security'), part('tunnel')]);
  const offer = await signed(documentOf(1, { security: closed, tunnel }));
  await server.offer(offer);
  expect(await receipt(1)).toMatchObject({ state: 'succeeded', sha256: offer.sha256 });
  expect(done).toEqual(['tunnel up', 'security tunnel']);
  await server.offer(offer);
  await server.offer(await signed(documentOf(2, { security: { ...closed, mode: 'none' } })));
  await receipt(2);
  expect(done.slice(2), 'the port is open again before the tunnel goes').toEqual(['security none', 'tunnel off']);
});

test('when a part fails, those before it go back, the receipt says why, and what was in force stays so over a restart', async () => {
  start([part('tunnel'), part('security', 'tunnel')]);
  await server.offer(await signed(documentOf(1)));
  await receipt(1);
  done = [];
  await server.offer(await signed(documentOf(2, { security: closed, tunnel })));
  expect(await receipt(2)).toMatchObject({ state: 'failed', message: 'the rules are as before', hint: 'try none' });
  expect(done).toEqual(['tunnel up', 'tunnel off']);
  expect(server.wanted().security.mode).toBe('daemon-port');
  await server.stop();
  state.close();
  state = openState(folder);
  start([part('tunnel'), part('security')]);
  expect(server.wanted().security.mode).toBe('daemon-port');
  await systemClock.sleep(60);
  expect(done, 'what failed is not tried again').toEqual(['tunnel up', 'tunnel off']);
});

test('what was chosen at the installation holds until a signed state comes', async () => {
  const chosen = { security: closed, tunnel: null, agent: null, drained: false };
  start([part('security')], chosen);
  expect(server.wanted()).toEqual(chosen);
  await server.offer(await signed(documentOf(1)));
  await receipt(1);
  expect(server.wanted().security.mode).toBe('daemon-port');
});

test.each([
  [
    'altered',
    'tampered',
    async () => ({ ...(await signed(documentOf(2))), document: documentOf(2, { drained: true }) }),
  ],
  [
    'altered with a new digest',
    'tampered',
    async () => {
      const document = documentOf(2, { drained: true });
      return { ...(await signed(documentOf(2))), document, sha256: await serverStateDigest(document) };
    },
  ],
  ['of a lower version', 'lower_version', () => signed(documentOf(1, { drained: true }))],
  ['of another server', 'wrong_action', () => signed(documentOf(2, { server_id: newId('server') }))],
  ['for other targets', 'wrong_target', () => signed(documentOf(2), { aud: [newId('server')] })],
  ['that has expired', 'expired', () => signed(documentOf(2), { iat: 1_000, exp: 2_000 })],
  ['with another plan', 'wrong_plan', () => signed(documentOf(2), { plan_hash: 'b'.repeat(64) })],
  [
    'whose plan shows something else',
    'wrong_plan',
    async () => {
      const offer = await signed(documentOf(2));
      const plan = { ...offer.plan, content_sha256: 'c'.repeat(64) };
      return { ...(await signed(documentOf(2), { plan_hash: await planHash(plan) })), plan };
    },
  ],
])('a server state %s is refused as %s, and nothing is done', async (_, reason, make) => {
  start([part('security')]);
  await server.offer(await signed(documentOf(1)));
  await receipt(1);
  done = [];
  await server.offer(await make());
  expect(server.refusal()).toMatchObject({ reason });
  expect(state.server.accepted()?.version).toBe(1);
  expect(done).toEqual([]);
});
