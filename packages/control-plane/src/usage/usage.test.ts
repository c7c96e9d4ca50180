import { join } from 'node:path';
import type { AgentStateSent } from '@mainstay/contract/agent-api';
import { type FakeClock, fakeClock } from '@mainstay/runtime';
import { openSqlite } from '@mainstay/runtime/sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, type Repository, startFixture } from '../testing/fixture.ts';

type Server = Awaited<ReturnType<Fixture['enrol']>>;

let clock: FakeClock;
let at: Fixture;
let repository: Repository;
beforeEach(async () => {
  clock = fakeClock(Date.UTC(2026, 0, 1, 12));
  at = await startFixture({ clock });
  repository = at.repository('code');
});
afterEach(() => at.stop());

async function deploy(stack: string, service: string) {
  const source = { git: repository.url };
  const services = { [service]: { source, run: 'node server.js', limits: { memory_mb: 512 } } };
  await at.client['stacks.apply']({ stack, spec: { security_mode: 'daemon-port', services } });
}

async function run(server: Server) {
  const { offer } = await server.desired();
  await server.report(offer!, 'succeeded');
}

/** A heartbeat that tells so much of the server and of the service. */
async function beat(server: Server, cpu: number, service?: string) {
  const state: AgentStateSent = server.state;
  state.usage = {
    cpu_fraction: cpu,
    load1: 1.5,
    memory_used_bytes: 2 ** 30,
    disk_used_bytes: 2 ** 33,
    disk_total_bytes: 2 ** 34,
    agent_rss_bytes: 1,
  };
  const observed = service === undefined ? undefined : state.services[service];
  if (observed) Object.assign(observed, { cpu_fraction: cpu * 2, memory_bytes: 2 ** 26 });
  const answer = await server.send('POST', '/heartbeat', { sent_at: clock.now(), state }, {}, at.plane.url);
  expect(answer.status).toBe(200);
}

describe('usage of a server', () => {
  it('is told by the minute, with gaps where it was silent, and goes on over a restart of the control plane', async () => {
    const server = await at.enrol('h1');
    await beat(server, 0.2);
    await clock.advance(10_000);
    await beat(server, 0.4);
    await clock.advance(60_000);
    await beat(server, 0.6);
    await clock.advance(10_000);
    await at.restart();
    await beat(server, 0.8);
    await clock.advance(120_000);
    await beat(server, 1);
    const usage = await at.client['servers.usage']({ server: 'h1' });
    expect(usage).toMatchObject({ resolution_seconds: 60, to: Date.UTC(2026, 0, 1, 12, 4) });
    expect(usage.times).toHaveLength(60);
    expect([usage.times[0], usage.times[59]]).toEqual([usage.from, usage.to - 60_000]);
    const [one, ...others] = usage.series;
    expect(others).toEqual([]);
    expect(one!.cpu.slice(-5)).toEqual([null, expect.closeTo(0.3), expect.closeTo(0.7), null, 1]);
    expect(one!.cpu_max.slice(-3)).toEqual([0.8, null, 1]);
    expect(one!.load1.at(-1)).toBe(1.5);
    expect(one).toMatchObject({ server: 'h1', cpus: 2, memory_total_bytes: 1, disk_total_bytes: 2 ** 34 });
    expect([one!.memory_bytes.at(-1), one!.disk_bytes.at(-1)]).toEqual([2 ** 30, 2 ** 33]);
  });

  it('is told by the quarter of an hour beyond a day', async () => {
    const server = await at.enrol('h1');
    await beat(server, 0.2);
    await clock.jump(2 * 86_400_000);
    await beat(server, 0.6);
    const { resolution_seconds, times, series } = await at.client['servers.usage']({ server: 'h1', range: '7d' });
    expect([resolution_seconds, times.length]).toEqual([900, 672]);
    const known = series[0]!.cpu.flatMap((cpu, index) => (cpu === null ? [] : [[times[index], cpu]]));
    expect(known).toEqual([
      [Date.UTC(2026, 0, 1, 12), 0.2],
      [Date.UTC(2026, 0, 3, 12), 0.6],
    ]);
  });

  it('is nothing but gaps before its first report', async () => {
    await at.client['servers.invite']({ server: 'h1' });
    const { series } = await at.client['servers.usage']({ server: 'h1', range: '24h' });
    expect(series[0]).toMatchObject({ server: 'h1', cpus: null, disk_total_bytes: null });
    expect(series[0]!.cpu).toEqual(Array.from({ length: 1_440 }, () => null));
  });
});

it('the history of a server goes with it, and nobody else’s', async () => {
  const [leaving, staying] = [await at.enrol('h1'), await at.enrol('h2')];
  await beat(leaving, 0.5);
  await beat(staying, 0.5);
  await at.restart();
  await at.confirmed(at.client['servers.remove']({ server: 'h1' }));
  const database = openSqlite(join(at.home, 'mainstay.db'));
  const rows = database.prepare('select server_id from usage_chunks').all();
  database.close();
  expect(rows.map((row) => row['server_id'])).toEqual([staying.server_id]);
});

describe('usage of a service', () => {
  it('is told for each server of its stack, with the limit of its memory', async () => {
    await deploy('shop', 'web');
    const [first, second] = [await at.enrol('h1', 'shop'), await at.enrol('h2', 'shop')];
    await run(first);
    await run(second);
    await clock.advance(60_000);
    await beat(first, 0.25, 'web');
    const usage = await at.client['services.usage']({ stack: 'shop', service: 'web' });
    expect(usage).toMatchObject({ memory_limit_bytes: 512 * 2 ** 20, servers_left_out: 0 });
    const [of_first, of_second] = usage.series;
    expect([of_first!.server, of_second!.server]).toEqual(['h1', 'h2']);
    expect(of_first!.cpu.slice(-2)).toEqual([null, 0.5]);
    expect(of_first!.memory_bytes.slice(-2)).toEqual([null, 2 ** 26]);
    expect(of_first!.health.slice(-3)).toEqual([null, 'healthy', 'healthy']);
    expect(of_second!.health.slice(-3)).toEqual([null, 'healthy', null]);
    expect(of_first!.restarts.slice(-2)).toEqual([0, 0]);
  });

  it('stays with its stack when a server moves on, and can be asked for by the name of that server', async () => {
    await deploy('shop', 'web');
    await deploy('blog', 'pages');
    const server = await at.enrol('h1', 'shop');
    await run(server);
    await clock.advance(60_000);
    await at.client['servers.assign']({ server: 'h1', stack: 'blog' });
    await run(server);
    const of_blog = await at.client['services.usage']({ stack: 'blog', service: 'pages' });
    expect(of_blog.series[0]!.health.slice(-2)).toEqual([null, 'healthy']);
    expect((await at.client['services.usage']({ stack: 'shop', service: 'web' })).series).toEqual([]);
    const of_shop = await at.client['services.usage']({ stack: 'shop', service: 'web', server: 'h1' });
    expect(of_shop.series[0]!.health.slice(-2)).toEqual(['healthy', null]);
  });

  it('is there for a service that was renamed as long as the range reaches back to it, under its old name', async () => {
    await deploy('shop', 'web');
    const server = await at.enrol('h1', 'shop');
    await run(server);
    await deploy('shop', 'site');
    await clock.advance(7_200_000);
    await run(server);
    const old = (range: '1h' | '6h') => at.client['services.usage']({ stack: 'shop', service: 'web', range });
    expect((await old('6h')).series[0]!.health.filter((state) => state !== null)).toEqual(['healthy']);
    await expect(old('1h')).rejects.toMatchObject({ code: 'NotFound', field: 'service' });
    const { series } = await at.client['services.usage']({ stack: 'shop', service: 'site' });
    expect(series[0]!.health.at(-1)).toBe('healthy');
  });

  it('names what is not known', async () => {
    await deploy('shop', 'web');
    const ask = (input: { stack?: string; service?: string; server?: string }) =>
      at.client['services.usage']({ stack: 'shop', service: 'web', ...input });
    await expect(ask({ stack: 'nowhere' })).rejects.toMatchObject({ code: 'NotFound', field: 'stack' });
    await expect(ask({ service: 'nowhere' })).rejects.toMatchObject({ code: 'NotFound', field: 'service' });
    await expect(ask({ server: 'nowhere' })).rejects.toMatchObject({ code: 'NotFound', field: 'server' });
  });

  it('tells of ten servers at once, and how many it leaves out', async () => {
    await deploy('shop', 'web');
    for (let number = 10; number < 22; number++) await at.enrol(`h${number}`, 'shop');
    const { series, servers_left_out } = await at.client['services.usage']({ stack: 'shop', service: 'web' });
    expect([series.length, series[9]!.server, servers_left_out]).toEqual([10, 'h19', 2]);
  });
});

it('a list of servers shows how busy each is, what it has, and how many of its services run', async () => {
  await deploy('shop', 'web');
  const server = await at.enrol('h1', 'shop');
  await at.client['servers.invite']({ server: 'h2' });
  await run(server);
  await beat(server, 0.5, 'web');
  const { servers } = await at.client['servers.list']({});
  expect(servers).toMatchObject([
    {
      name: 'h1',
      cpus: 2,
      arch: 'x64',
      supervisor: 'simulated',
      security_mode: 'daemon-port',
      services: { total: 1, running: 1 },
      usage: {
        cpu_fraction: 0.5,
        load1: 1.5,
        memory_used_bytes: 2 ** 30,
        memory_total_bytes: 1,
        disk_used_bytes: 2 ** 33,
      },
    },
    { name: 'h2', cpus: null, security_mode: null, services: { total: 0, running: 0 }, usage: null },
  ]);
});
