import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Agent, createAgent } from '@mainstay/agent/agent';
import { judgeRemoval } from '@mainstay/agent/link/removal';
import { pinKey } from '@mainstay/contract/key-changes';
import { silentLogger } from '@mainstay/runtime';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { type Fixture, startFixture } from '../testing/fixture.ts';

const patient = { timeout: 60_000, interval: 50 };
let at: Fixture;
let home: string;
let agent: Agent;
const start = async (token?: string) => {
  agent = createAgent({
    ...{ home, control_plane_url: at.plane.url, token, log: silentLogger(), heartbeat_interval_ms: 200 },
  });
  await agent.start();
};
beforeEach(async () => {
  at = await startFixture();
  home = mkdtempSync(join(tmpdir(), 'mainstay-removed-'));
  const { result } = await at.client['servers.invite']({ server: 'h1' });
  await start(result!.token!);
  await vi.waitFor(() => expect(agent.isConnected()).toBe(true), patient);
});
afterEach(async () => {
  await agent.stop({ services: true });
  await at.stop();
  rmSync(home, { recursive: true, force: true });
});

const problems = async () => (await agent.observe()).problems.map(({ code }) => code);
/** Requests of agents so far, by the control plane's own count. */
const requests = async () => {
  const metrics = await (await at.http('/metrics')).text();
  const lines = metrics.split('\n').filter((line) => /^mainstay_agent_requests/.test(line));
  expect(lines.length).toBeGreaterThan(0);
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};
const quiet = async () => {
  let before = -1;
  await vi.waitFor(
    async () => {
      const now = await requests();
      const same = now === before;
      before = now;
      expect(same).toBe(true);
    },
    { timeout: 60_000, interval: 1_500 },
  );
};

it('an agent whose server is removed is told so by what the keeper signed, calls no more, and knows it after a restart', async () => {
  const { server } = await at.client['servers.get']({ server: 'h1' });
  await at.confirmed(at.client['servers.remove']({ server: 'h1' }));
  await vi.waitFor(() => expect(existsSync(join(home, 'removed.json'))).toBe(true), patient);
  expect(JSON.parse(readFileSync(join(home, 'removed.json'), 'utf8'))).toMatchObject({
    server_id: server.id,
    by: 'owner',
  });
  await vi.waitFor(async () => expect(await problems()).toEqual(['removed']), patient);
  expect(agent.isConnected()).toBe(false);
  await quiet();
  await agent.stop({ services: false });
  await start();
  expect(await problems()).toEqual(['removed']);
  expect(agent.isReady(), 'what runs on the server is looked after').toBe(true);
  await quiet();
});

it('an agent whose credential the database no longer knows, or that is shown another grant, calls on', async () => {
  const { server } = await at.client['servers.get']({ server: 'h1' });
  const database = new DatabaseSync(join(at.home, 'mainstay.db'));
  const { enrolment_jws, credential_digest } = database
    .prepare("SELECT enrolment_jws, credential_digest FROM servers WHERE name = 'h1'")
    .get() as Record<string, string>;
  // As somebody would who owns the database: the row goes, and a grant of another kind takes the place of the removal's.
  database
    .prepare('INSERT INTO removed_servers VALUES (?, ?, ?, ?, 1)')
    .run(credential_digest!, server.id, enrolment_jws!, enrolment_jws!);
  database.exec("UPDATE servers SET credential_digest = 'gone' WHERE name = 'h1'");
  await vi.waitFor(async () => expect(await problems()).toContain('credential_refused'), patient);
  const asked = await requests();
  await vi.waitFor(async () => expect(await requests()).toBeGreaterThan(asked + 2), patient);
  expect(existsSync(join(home, 'removed.json'))).toBe(false);
  const keeper = pinKey((await at.keeper.keys())[0]!);
  const judged = judgeRemoval(enrolment_jws!, { server_id: server.id, keeper, now_ms: Date.now() });
  expect(await judged, 'a grant of the keeper for this server, and of another kind').toBeNull();
  database.exec(`UPDATE servers SET credential_digest = '${credential_digest}' WHERE name = 'h1'`);
  database.close();
  await vi.waitFor(() => expect(agent.isConnected()).toBe(true), patient);
});
