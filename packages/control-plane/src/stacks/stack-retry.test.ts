import { expect, it, vi } from 'vitest';
import { failsFrom, fleetForTests, patient } from '../rollouts/testing/fleet.ts';

const world = fleetForTests();

it('a deploy tries what is in force again where it did not come up, and nothing where it runs', async () => {
  const { client } = world.at;
  const services = { api: { source: { git: world.repository.url }, run: 'node server.js' } };
  await client['stacks.apply']({ stack: 'shop', spec: { poll_interval_seconds: 86_400, services } });
  world.outcomes.set('s00', failsFrom(1, 'The program "node" in `run` is not there.'));
  await world.enrol('s00');
  const reported = async () => (await client['servers.get']({ server: 's00' })).reported;
  await vi.waitFor(async () => expect((await reported())?.receipt?.state).toBe('failed'), patient);

  const { operation: shown } = await client['stacks.deploy']({ stack: 'shop', dry_run: true });
  expect(shown.plan.changes).toEqual([
    { action: 'run', path: 'servers', to: ['s00'], note: 'again: version 1 did not come up' },
  ]);
  const { operation } = await client['stacks.deploy']({ stack: 'shop' });
  expect(await world.ended(operation.id!)).toMatchObject({ state: 'succeeded' });
  expect(world.versionsOf('s00')).toEqual([1, 2]);
  const again = await client['stacks.deploy']({ stack: 'shop' });
  expect(again.operation).toMatchObject({ state: 'succeeded', message: 'Nothing to change.' });
});
