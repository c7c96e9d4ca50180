import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@mainstay/runtime/clock';
import { silentLogger } from '@mainstay/runtime/log';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeAddress } from '../testing/free-address.ts';
import { createStandInResolved, type StandInResolved } from '../testing/stand-in-resolved.ts';
import { createHostsNames } from './hosts.ts';
import type { Names } from './names.ts';
import { createSystemNames, pickNames, readNamesFacts } from './pick-names.ts';
import { createResolvedNames } from './resolved.ts';
import { createResponder } from './responder.ts';

const debian = '127.0.0.1 localhost\n';
const wanted = { domain: 'svc.internal', services: [{ name: 'api', port: 37_900 }] };
let root: string;
let hosts: string;
let resolved: StandInResolved;
let now_ms: number;
const made: Names[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'mainstay-pick-'));
  hosts = join(root, 'hosts');
  writeFileSync(hosts, debian);
  writeFileSync(join(root, 'resolv.conf'), 'nameserver 127.0.0.53\noptions edns0\n');
  writeFileSync(join(root, 'nsswitch.conf'), 'hosts: files dns\n');
  resolved = createStandInResolved(root);
  now_ms = 1_000_000;
});
afterEach(async () => {
  for (const names of made.splice(0)) await names.close();
  rmSync(root, { recursive: true });
});

const factsOf = (is_root = true) =>
  readNamesFacts({
    exec: resolved.exec,
    resolv_conf: join(root, 'resolv.conf'),
    nsswitch_conf: join(root, 'nsswitch.conf'),
    is_root,
  });

async function create(is_root = true): Promise<Names> {
  const clock = { ...systemClock, now: () => now_ms };
  const responder = createResponder({ log: silentLogger(), addresses: [await freeAddress()] });
  const names = createSystemNames({
    adapters: {
      resolved: createResolvedNames({ responder, clock, ...resolved }),
      hosts: createHostsNames({ path: hosts }),
    },
    facts: () => factsOf(is_root),
    clock,
    log: silentLogger(),
  });
  made.push(names);
  return names;
}
const hasBlock = () => readFileSync(hosts, 'utf8').includes('api.svc.internal');

test('resolved is taken where it runs and programs ask it', async () => {
  expect(pickNames(await factsOf())).toBe('resolved');
  writeFileSync(join(root, 'resolv.conf'), 'nameserver 10.0.0.1\n');
  expect(pickNames(await factsOf())).toBe('hosts');
  writeFileSync(join(root, 'nsswitch.conf'), 'hosts: files resolve [!UNAVAIL=return] dns\n');
  expect(pickNames(await factsOf())).toBe('resolved');
  resolved.active = false;
  expect(pickNames(await factsOf())).toBe('hosts');
});

test('without root nothing is changed', async () => {
  expect(pickNames(await factsOf(false))).toBe('none');
  const names = await create(false);
  await names.apply(wanted);
  expect(await names.observe()).toEqual({ state: 'none', how: 'none', drift: null });
  await names.remove();
  expect([hasBlock(), resolved.changes]).toEqual([false, []]);
});

test('when resolved comes it has the names too, when it goes the hosts file still has them, and nothing of it is left', async () => {
  resolved.active = false;
  const names = await create();
  await names.apply(wanted);
  expect(await names.observe()).toMatchObject({ state: 'active', how: 'hosts' });
  resolved.active = true;
  now_ms += 60_000;
  expect((await names.observe()).drift).toContain('resolved');
  await names.apply(wanted);
  expect(await names.observe()).toMatchObject({ state: 'active', how: 'resolved' });
  expect(hasBlock()).toBe(true);
  resolved.active = false;
  now_ms += 60_000;
  expect((await names.observe()).state).toBe('down');
  await names.apply(wanted);
  expect(await names.observe()).toMatchObject({ state: 'active', how: 'hosts' });
  expect(hasBlock()).toBe(true);
  expect(resolved.settings.size).toBe(0);
});

test('the hosts file does where resolved does not take the names', async () => {
  resolved.refusal = 'RTNETLINK answers: Operation not permitted';
  const names = await create();
  await names.apply(wanted);
  expect(await names.observe()).toMatchObject({ state: 'active', how: 'hosts' });
  now_ms += 60_000;
  expect((await names.observe()).drift).toBe(null);
});

test('with resolved, names outlive the agent in the hosts file, and damage to either is drift', async () => {
  const names = await create();
  await names.apply(wanted);
  expect(await names.observe()).toEqual({ state: 'active', how: 'resolved', drift: null });
  writeFileSync(hosts, debian);
  expect((await names.observe()).drift).toContain('was deleted');
  await names.apply(wanted);
  await resolved.exec(['ip', 'link', 'delete', 'mainstay0']);
  expect((await names.observe()).drift).toContain('mainstay0');
  await names.apply(wanted);
  expect((await names.observe()).state).toBe('active');
  await names.close();
  expect(hasBlock()).toBe(true);
});

test('what an earlier agent left, of either kind, is removed by the next', async () => {
  await (await create()).apply(wanted);
  for (const names of made.splice(0)) await names.close();
  await (await create()).remove();
  expect(resolved.settings.size).toBe(0);
  expect(readFileSync(hosts, 'utf8')).toBe(debian);
});
