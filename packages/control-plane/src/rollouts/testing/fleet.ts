/** A stack on servers that are simulated, for the tests of rollouts: a real control plane and keeper, and what a test says becomes of a version. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent, type SimulatedOutcome } from '@mainstay/agent/sim/simulated-agent';
import type { DesiredState } from '@mainstay/contract/desired-state';
import { default_policy_file } from '@mainstay/keeper/policy/default-policies';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { type Fixture, type FixtureOptions, type Repository, startFixture } from '../../testing/fixture.ts';

export const patient = { timeout: 60_000, interval: 50 };
export const done: SimulatedOutcome = { state: 'succeeded' };

/** The version fails, with this message; every other one succeeds. */
export const failsFrom = (version: number, message: string) => (document: DesiredState) =>
  document.version === version ? { state: 'failed' as const, message } : done;

/** The version runs until it is released. */
export function held(version = 2) {
  const { promise, resolve } = Promise.withResolvers<SimulatedOutcome>();
  return { outcome: (document: DesiredState) => (document.version === version ? promise : done), release: resolve };
}

/** One port over all starts: servers know the control plane by its address. Below those that the system gives out by itself. */
const port = 32_000 + (process.pid % 700);

export type FleetWorld = ReturnType<typeof fleetForTests>;

/** Begins anew before each test of the file that calls it. */
export function fleetForTests() {
  let at: Fixture;
  let repository: Repository;
  const agents = new Map<string, SimulatedAgent>();
  const outcomes = new Map<string, (document: DesiredState) => SimulatedOutcome | Promise<SimulatedOutcome>>();

  const startWith = async (options: FixtureOptions) => {
    at = await startFixture({ ...options, port });
    repository = at.repository('api');
  };
  beforeEach(async () => {
    agents.clear();
    outcomes.clear();
    await startWith({});
  });
  afterEach(async () => {
    await Promise.all([...agents.values()].map((agent) => agent.stop()));
    await at.stop();
  });

  const versionsOf = (name: string) => agents.get(name)!.versions;

  const enrol = async (name: string) => {
    const invited = await at.client['servers.invite']({ server: name, stack: 'shop' });
    const agent = createSimulatedAgent({
      url: at.plane.url,
      token: invited.result!.token!,
      heartbeat_interval_ms: 200,
      outcome: (document) => outcomes.get(name)?.(document) ?? done,
    });
    agents.set(name, agent);
    await agent.start();
  };

  return {
    get at() {
      return at;
    },
    get repository() {
      return repository;
    },
    agents,
    /** What becomes of a desired state on a server; without one it succeeds at once. */
    outcomes,
    /** Another control plane in the place of the first one. */
    async restartWith(options: FixtureOptions): Promise<void> {
      await at.stop();
      await startWith(options);
    },
    enrol,
    /** A stack that runs on so many servers, s00, s01 …, each of which has version 1. */
    async fleet(count: number, rollout: object = {}, more: object = {}): Promise<string[]> {
      const services = { api: { source: { git: repository.url }, run: 'node server.js' } };
      const spec = { poll_interval_seconds: 86_400, rollout, services, ...more };
      await at.client['stacks.apply']({ stack: 'shop', spec });
      const all = Array.from({ length: count }, (_, index) => `s${String(index).padStart(2, '0')}`);
      for (const name of all) await enrol(name);
      await vi.waitFor(async () => {
        const { servers } = await at.client['servers.list']({});
        expect(servers.filter(({ converged, state }) => converged && state === 'online')).toHaveLength(count);
      }, patient);
      return all;
    },
    /** Deploys a new commit; gives the id of the operation. */
    async deploy(text: string): Promise<string> {
      repository.commit(text);
      const { operation } = await at.client['stacks.deploy']({ stack: 'shop' });
      return operation.id!;
    },
    ended: (id: string) => at.ended(id),
    versionsOf,
    /** Servers whose newest version is this one. */
    having: (version: number) => [...agents.keys()].filter((name) => versionsOf(name).at(-1) === version),
    async statesOf(name: string) {
      const { servers } = await at.client['servers.list']({});
      return servers.find((server) => server.name === name);
    },
    /** A policy beside the built-in ones, in force when this resolves. */
    async writePolicy(text: string): Promise<void> {
      writeFileSync(join(at.folder_of_policies, 'default.yaml'), default_policy_file.text);
      writeFileSync(join(at.folder_of_policies, 'deploys.yaml'), text);
      await vi.waitFor(async () => {
        const { files } = await at.keeper.policies();
        expect(files.map(({ name }) => name)).toContain('deploys.yaml');
      }, patient);
    },
  };
}
