/**
 * What the tests of the control plane stand on: a real control plane with a real keeper on a temporary home, real Git
 * repositories, and a server that speaks the agent API by hand, so that a test decides what it reports.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentStateSent, Receipt } from '@mainstay/contract/agent-api';
import { createClient } from '@mainstay/contract/client';
import type { DesiredState } from '@mainstay/contract/desired-state';
import type { KeeperApi } from '@mainstay/contract/keeper-api';
import type { OperationView } from '@mainstay/contract/operation';
import { agentState, serverFacts, serviceObserved } from '@mainstay/contract/testing/agent-state';
import { createKeeper, type Keeper } from '@mainstay/keeper';
import { type Clock, silentLogger } from '@mainstay/runtime';
import { expect, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../control-plane.ts';
import { createPerson, type Person } from './person.ts';

export type Fixture = Awaited<ReturnType<typeof startFixture>>;

export type FixtureOptions = {
  /** 0 takes any free port, another one at each start. */
  port?: number;
  clock?: Clock;
  public_dir?: string;
  public_url?: string;
  agent_dir?: string;
  /** Policy files by name, instead of the built-in set. */
  policies?: Record<string, string>;
  /** Stands between the control plane and the keeper, such as one that is away. */
  keeper?: (keeper: KeeperApi) => KeeperApi;
};

export async function startFixture(options: FixtureOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-cp-'));
  const home = join(folder, 'home');
  const policies = join(folder, 'policies');
  mkdirSync(policies);
  for (const [name, text] of Object.entries(options.policies ?? {})) writeFileSync(join(policies, name), text);
  let keeper: Keeper;
  const start = async () => {
    keeper = await createKeeper({
      directory: join(home, 'keeper'),
      policies,
      ...(options.clock ? { now: options.clock.now } : {}),
    });
    const { clock, public_dir, public_url, agent_dir } = options;
    return startControlPlane({
      home,
      port: options.port ?? 0,
      keeper: options.keeper?.(keeper) ?? keeper,
      log: silentLogger(),
      ...(clock ? { clock } : {}),
      ...(public_dir ? { public_dir } : {}),
      ...(public_url ? { public_url } : {}),
      ...(agent_dir ? { agent_dir } : {}),
    });
  };
  let plane: ControlPlane = await start();
  const token = await plane.createToken();
  const clientOf = () => createClient({ url: plane.url, token });
  let person: Promise<Person> | undefined;
  const theOwner = () => {
    person ??= createPerson(clientOf(), options.clock?.now);
    return person;
  };
  return {
    folder,
    home,
    token,
    get plane() {
      return plane;
    },
    get client() {
      return clientOf();
    },
    http: (path: string, init: RequestInit & { token?: string | null } = {}) => {
      const bearer = init.token === undefined ? token : init.token;
      const headers = {
        'content-type': 'application/json',
        ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
        ...init.headers,
      };
      return fetch(`${plane.url}${path}`, { ...init, headers });
    },
    async restart() {
      await plane.stop();
      keeper.close();
      plane = await start();
    },
    async stop() {
      await plane.stop();
      keeper.close();
      rmSync(folder, { recursive: true, force: true });
    },
    get keeper() {
      return keeper;
    },
    folder_of_policies: policies,
    /** The owner, with a key of his own. */
    person: theOwner,
    /** The end of a change that destroys, confirmed by the owner. */
    confirmed: async (answer: Promise<{ operation: OperationView }>) => (await theOwner()).confirmed(answer),
    /** An operation, once it has ended; waits for that for a minute. */
    ended: (id: string): Promise<OperationView> =>
      vi.waitFor(
        async () => {
          const { operation } = await clientOf()['operations.get']({ id, wait_seconds: 5 });
          expect(operation.finished_at).not.toBeNull();
          return operation;
        },
        { timeout: 60_000 },
      ),
    repository: (name: string) => makeRepository(join(folder, 'git', name)),
    enrol: (server: string, stack?: string) => enrolByHand(plane, token, server, stack),
  };
}

export type Repository = { url: string; commit(text: string): string; git(...args: string[]): string };

export function makeRepository(path: string): Repository {
  execFileSync('git', ['init', '--quiet', '-b', 'main', path]);
  const git = (...args: string[]) =>
    execFileSync('git', ['-C', path, '-c', 'user.name=test', '-c', 'user.email=test@example.com', ...args], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
  const commit = (text: string) => {
    writeFileSync(join(path, 'file.txt'), text);
    git('add', '-A');
    git('commit', '--quiet', '-m', text);
    return git('rev-parse', 'HEAD');
  };
  commit('first');
  return { url: path, commit, git };
}

export type Offered = { document: DesiredState; sha256: string; grant: string };

/** What a server makes for itself before it enrols. */
export const newCredential = () => `mag_${randomBytes(32).toString('base64url')}`;

/** A server whose reports a test writes. */
export async function enrolByHand(plane: ControlPlane, token: string, server: string, stack?: string) {
  const client = createClient({ url: plane.url, token });
  const invited = await client['servers.invite']({ server, ...(stack ? { stack } : {}) });
  const facts = serverFacts({ hostname: server });
  const credential = newCredential();
  const enrolled = await fetch(`${plane.url}/agent/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: invited.result?.token, credential, agent_version: '0.0.0', facts }),
  });
  const identity = (await enrolled.json()) as {
    server_id: string;
    keeper_keys: never[];
    enrolment_grant: string;
  };
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}, url = plane.url) =>
    fetch(`${url}/agent/v1${path}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const state = agentState({ facts });
  return {
    ...identity,
    credential,
    token: invited.result!.token!,
    send,
    state,
    async desired(have?: string, wait_seconds = 0) {
      const response = await send(
        'GET',
        `/desired-state?wait_seconds=${wait_seconds}`,
        undefined,
        have ? { 'if-none-match': have } : {},
      );
      const offer = response.status === 200 ? ((await response.json()) as Offered) : null;
      return { status: response.status, etag: response.headers.get('etag') ?? '', offer };
    },
    /** Reports that it runs exactly what was offered, or that this failed. */
    async report(
      offer: Offered,
      outcome: 'succeeded' | 'failed' | 'running',
      message: string | null = null,
      url = plane.url,
    ) {
      const { document } = offer;
      const operation_id = JSON.parse(Buffer.from(offer.grant.split('.')[1]!, 'base64url').toString()).operation_id;
      const receipt: Receipt = {
        version: document.version,
        sha256: offer.sha256,
        operation_id,
        state: outcome,
        message,
        hint: null,
        services: {},
        started_at: 1,
        finished_at: outcome === 'running' ? null : 2,
      };
      state.stack_id = document.stack_id;
      state.accepted_version = document.version;
      state.accepted_sha256 = offer.sha256;
      state.receipt = receipt;
      if (outcome === 'succeeded') state.services = observedAs(document);
      return send('POST', '/heartbeat', { sent_at: Date.now(), state }, {}, url);
    },
  };
}

function observedAs(document: DesiredState): AgentStateSent['services'] {
  return Object.fromEntries(
    Object.entries(document.services).map(([name, { release_id, source }]) => [
      name,
      serviceObserved({ release_id, commit: source.commit }),
    ]),
  );
}
