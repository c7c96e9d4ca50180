import { Resolver } from 'node:dns/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@mainstay/runtime/clock';
import { silentLogger } from '@mainstay/runtime/log';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freeAddress } from '../testing/free-address.ts';
import { createStandInResolved, type StandInResolved } from '../testing/stand-in-resolved.ts';
import { namesConformance } from './names.conformance.ts';
import type { Names } from './names.ts';
import { createResolvedNames } from './resolved.ts';
import { createResponder } from './responder.ts';

type World = { root: string; resolved: StandInResolved; address: { host: string; port: number }; make(): Names };
const worlds: { root: string; names: Names[] }[] = [];

async function createWorld(): Promise<World> {
  const root = mkdtempSync(join(tmpdir(), 'mainstay-names-'));
  const resolved = createStandInResolved(root);
  const address = await freeAddress();
  const names: Names[] = [];
  worlds.push({ root, names });
  const make = () => {
    const responder = createResponder({ log: silentLogger(), addresses: [address] });
    const made = createResolvedNames({ responder, clock: systemClock, ...resolved });
    names.push(made);
    return made;
  };
  return { root, resolved, address, make };
}
afterEach(async () => {
  for (const { root, names } of worlds.splice(0)) {
    for (const each of names) await each.close();
    rmSync(root, { recursive: true });
  }
});

async function lookUp({ resolved, address }: World, name: string): Promise<string[]> {
  // As resolved does it: only names below the domain go to the server of the link, and only to it.
  const domain = resolved.settings.get('domain')?.slice(1);
  if (domain === undefined || !name.endsWith(`.${domain}`)) return [];
  const resolver = new Resolver({ timeout: 2_000, tries: 2 });
  resolver.setServers([`${address.host}:${address.port}`]);
  return resolver.resolve4(name).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTFOUND') return [];
    throw error;
  });
}

namesConformance('resolved', async () => {
  const world = await createWorld();
  return {
    names: world.make(),
    again: world.make,
    lookUp: (name) => lookUp(world, name),
    snapshot: async () => JSON.stringify([world.resolved.linkState(), [...world.resolved.settings]]),
    tamper: async () => void (await world.resolved.exec(['resolvectl', 'domain', 'mainstay0', '~example.com'])),
    close: async () => {},
  };
});

const wanted = { domain: 'svc.internal', services: [{ name: 'api', port: 37_900 }] };
let world: World;
beforeEach(async () => {
  world = await createWorld();
});

test('the commands are these, and none of them again while all is as it should be', async () => {
  const names = world.make();
  await names.apply(wanted);
  const { host, port } = world.address;
  expect(world.resolved.changes).toEqual([
    'ip link add mainstay0 type veth peer name mainstay1',
    'ip link set dev mainstay0 addrgenmode none multicast off up',
    'ip link set dev mainstay1 addrgenmode none multicast off up',
    `ip address replace ${host}/32 dev mainstay0 scope global`,
    `resolvectl dns mainstay0 ${host}:${port}`,
    'resolvectl domain mainstay0 ~svc.internal',
    'resolvectl default-route mainstay0 no',
    'resolvectl llmnr mainstay0 no',
    'resolvectl mdns mainstay0 no',
    'resolvectl dnssec mainstay0 no',
    'resolvectl dnsovertls mainstay0 no',
  ]);
  await names.apply({ ...wanted, services: [] });
  expect(world.resolved.changes).toHaveLength(11);
});

test.each([
  ['the link was deleted', ['ip', 'link', 'delete', 'mainstay0']],
  ['the link was put down', ['ip', 'link', 'set', 'dev', 'mainstay0', 'down']],
  ['another server was set', ['resolvectl', 'dns', 'mainstay0', '10.0.0.1']],
] as const)('that %s is seen at once, and repaired', async (_what, command) => {
  const names = world.make();
  await names.apply(wanted);
  expect((await names.observe()).drift).toBe(null);
  await world.resolved.exec([...command]);
  expect((await names.observe()).drift).toContain('mainstay0');
  await names.apply(wanted);
  expect(await names.observe()).toEqual({ state: 'active', how: 'resolved', drift: null });
});

test('a command that fails is told with what it said and what to do', async () => {
  world.resolved.refusal = 'RTNETLINK answers: Operation not permitted';
  await expect(world.make().apply(wanted)).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('Operation not permitted'),
    hint: expect.stringContaining('iproute2'),
  });
});
