import type { OperationView } from '@mainstay/contract/operation';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { EventView } from '@mainstay/contract/operations/watch';
import { expect, test } from 'vitest';
import { lastChanges } from './last-change.ts';
import { type NeedsInput, needsOf } from './needs.ts';

const now = 1_750_000_000_000;

const stack = (change: Partial<StackView> = {}): StackView => ({
  id: 'stk_1',
  name: 'shop',
  health: 'healthy',
  message: null,
  version: 3,
  serving_version: 3,
  servers: ['local'],
  services: ['api', 'web'],
  url: null,
  held_services: {},
  paused: null,
  webhook: false,
  updated_at: now,
  ...change,
});

const server = (change: Partial<ServerView> = {}): ServerView => ({
  id: 'srv_1',
  name: 'local',
  labels: {},
  environment: null,
  state: 'online',
  stack: 'shop',
  agent_version: '0.1.0',
  updatable: true,
  os: 'Debian',
  arch: 'x64',
  cpus: 2,
  supervisor: 'process',
  security_mode: null,
  services: { total: 2, running: 2 },
  usage: null,
  version: 3,
  converged: true,
  chosen_by: null,
  next_moves: [],
  drained: false,
  problems: [],
  last_seen_at: now - 1_000,
  enrolled_at: now - 100_000,
  ...change,
});

const operation = (change: Partial<OperationView> = {}): OperationView => ({
  id: `op_${'1'.repeat(32)}`,
  operation: 'stacks.deploy',
  state: 'succeeded',
  actor: { kind: 'user', id: 'usr_1', name: 'ada', role: 'owner', proof: 'session' },
  plan: { summary: 'Deploy stack shop', changes: [], warnings: [], hash: 'a'.repeat(64) },
  stack: 'shop',
  version: 3,
  targets: [],
  requirement: null,
  approvals: [],
  run_id: null,
  message: null,
  hint: null,
  created_at: now - 60_000,
  finished_at: now - 50_000,
  ...change,
});

const event = (change: Partial<EventView> = {}): EventView => ({
  cursor: 1,
  id: 'evt_1',
  at: now - 10_000,
  kind: 'service.crashed',
  severity: 'error',
  message: 'It exited with code 3.',
  actor: null,
  stack: 'shop',
  server: 'local',
  service: 'api',
  release_id: null,
  operation_id: null,
  data: null,
  ...change,
});

const needs = (input: Partial<NeedsInput>) =>
  needsOf({
    stacks: [stack()],
    servers: [server()],
    operations: [operation()],
    waiting: [],
    warnings: [],
    sources: [],
    now,
    ...input,
  });

test('nothing needs anybody while everything is as it should be', () => {
  expect(needs({})).toEqual([]);
});

test('what waits for the person is told, with who proposed it and the rule that asks', () => {
  const requirement = {
    policy: 'production/deploys',
    approvals: 1,
    role: null,
    proof: null,
    confirmation: false,
    expires_at: now + 1,
    not_before: null,
  };
  const waiting = operation({ state: 'waiting', requirement, finished_at: null });
  expect(needs({ waiting: [waiting] })).toMatchObject([
    {
      tone: 'warning',
      title: 'Waits for you: Deploy stack shop',
      detail: 'Proposed by ada; asked for by the rule production/deploys.',
      place: { to: 'operation', id: waiting.id },
    },
  ]);
});

test('a stack whose newest version failed leads to the operation that failed', () => {
  const failed = operation({ state: 'failed' });
  const [need] = needs({ stacks: [stack({ health: 'degraded', message: 'Version 3 failed.' })], operations: [failed] });
  expect(need).toMatchObject({
    tone: 'warning',
    detail: 'Version 3 failed.',
    place: { to: 'operation', id: failed.id },
  });
});

test('a stack with a service that crashes leads to the crashes of that service, not to old ones', () => {
  const stacks = [stack({ health: 'degraded', message: 'api on local is crash looping' })];
  const place = (at: number) => needs({ stacks, warnings: [event({ at })] })[0]?.place;
  expect(place(now - 10_000)).toEqual({ to: 'service', stack: 'shop', service: 'api', tab: 'crashes' });
  expect(place(now - 90_000)).toEqual({ to: 'stack', stack: 'shop' });
});

test('an offline server is told once, and not again by the stack that is offline with it', () => {
  const found = needs({ stacks: [stack({ health: 'offline' })], servers: [server({ state: 'offline' })] });
  expect(found.map(({ key }) => key)).toEqual(['offline local']);
});

test('a stack that is degraded by an offline server alone is told by that server', () => {
  const degraded = stack({ health: 'degraded', message: 'b is offline.', servers: ['local', 'b'] });
  const servers = [server(), server({ name: 'b', state: 'offline' })];
  expect(needs({ stacks: [degraded], servers }).map(({ key }) => key)).toEqual(['offline b']);
  const worse = [server({ services: { total: 2, running: 1 } }), server({ name: 'b', state: 'offline' })];
  expect(needs({ stacks: [degraded], servers: worse }).map(({ key }) => key)).toEqual(['offline b', 'stack shop']);
});

test('what is worst stands first, and of two the newer', () => {
  const found = needs({
    stacks: [stack({ paused: { by: 'ada', reason: null, at: now } })],
    servers: [
      server({ problems: ['The disk is nearly full.'] }),
      server({ name: 'a', state: 'offline', last_seen_at: now - 9_000 }),
      server({ name: 'b', state: 'offline', last_seen_at: now - 5_000 }),
    ],
  });
  expect(found.map(({ key }) => key)).toEqual(['offline b', 'offline a', 'problem local 0', 'paused shop']);
});

test('a repository that could not be read is told until it could, or somebody deployed from it again', () => {
  const unreadable = event({ kind: 'stack.source_unavailable', severity: 'warning', service: null });
  const readable = event({ kind: 'stack.source_available', severity: 'notice', service: null, at: now });
  expect(needs({ sources: [unreadable] }).map(({ key }) => key)).toEqual(['source shop']);
  expect(needs({ sources: [unreadable, readable] })).toEqual([]);
  expect(needs({ sources: [readable, unreadable] })).toHaveLength(1);
  expect(needs({ sources: [unreadable], operations: [operation({ created_at: now })] })).toEqual([]);
});

test('a denial is told for a day', () => {
  const denied = operation({ state: 'denied', version: null, created_at: now - 3_600_000 });
  expect(needs({ operations: [denied] })).toHaveLength(1);
  expect(needs({ operations: [{ ...denied, created_at: now - 25 * 3_600_000 }] })).toEqual([]);
});

test('held services and a stack without a server lead to where that is changed', () => {
  const found = needs({
    stacks: [stack({ held_services: { api: 'rolled back to v2' } }), stack({ name: 'blog', health: 'empty' })],
  });
  expect(found.map(({ key, place }) => [key, place.to])).toEqual([
    ['held shop', 'stack'],
    ['empty blog', 'add-server'],
  ]);
});

test('the last change of a stack is its newest operation, or something worse that came after it', () => {
  const operations = [operation(), operation({ created_at: now - 90_000 })];
  expect(lastChanges(operations, []).get('shop')).toMatchObject({ text: 'Deploy stack shop', by: 'ada' });
  expect(lastChanges(operations, [event({ at: now - 80_000 })]).get('shop')).toMatchObject({ by: 'ada' });
  expect(lastChanges(operations, [event()]).get('shop')).toMatchObject({ text: 'Service crashed', by: 'api' });
  const own = event({ kind: 'operation.failed', operation_id: operations[0]!.id, service: null });
  expect(lastChanges(operations, [own]).get('shop')).toMatchObject({ text: 'Deploy stack shop' });
});
