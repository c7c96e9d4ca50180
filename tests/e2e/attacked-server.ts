/**
 * A server whose control plane was taken over: it may answer the agent with whatever it likes, has every row that was ever written
 * to the database, and every signature that the keeper gave. The keeper is the real one and honest, and its key is not the
 * attacker's. The agent is a real one with its journal, its service and its proxy; it runs version 2, which the owner deployed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Agent } from '@mainstay/agent';
import { createLab, get, instancesOf, type Lab, serverProgram, settled, until } from '@mainstay/agent/testing/lab';
import { createStandInKeeper, type StandInKeeper } from '@mainstay/agent/testing/stand-in-keeper';
import type { AgentState, DesiredStateResponse } from '@mainstay/contract/agent-api';
import { type DesiredState, desiredStateDigest } from '@mainstay/contract/desired-state';
import { contentDigest, type KeeperApi, planHash } from '@mainstay/contract/keeper-api';
import { createKeeper } from '@mainstay/keeper';
import { expect } from 'vitest';
import { approvedOffer, enrolmentGrant } from './attacker-keeper.ts';

type Refusal = NonNullable<AgentState['refusal']>;

export type AttackedServer = {
  readonly lab: Lab;
  readonly keeper: KeeperApi;
  /** Where the keeper has its keys. */
  readonly keeper_folder: string;
  agent: Agent;
  /** What the owner deployed, in order; the last one serves. */
  readonly deployed: readonly [DesiredStateResponse, DesiredStateResponse];
  readonly pids: readonly number[];
  /** Sets the keeper's clock off, milliseconds. */
  setKeeperClock(offset_ms: number): void;
  /** As the owner deploys it: approved and signed for this server. */
  honest(document: DesiredState): Promise<DesiredStateResponse>;
  documentOf(version: number, text: string, over?: Partial<DesiredState>): Promise<DesiredState>;
  /** What the attacker wants: another program, at the next version. */
  evil(): Promise<DesiredState>;
  /** Everything about a document that can be computed without the key, made to fit it. */
  fitted(document: DesiredState, grant: string): Promise<DesiredStateResponse>;
  /** A grant for a document that nobody decided on, signed with a key of the attacker's. */
  forged(document: DesiredState, by: StandInKeeper): Promise<string>;
  /** The refusal of what is offered now, once there is one. */
  refusal(): Promise<Refusal>;
  /** Offers something false; gives the refusal, once it was reported by event and by heartbeat. */
  refusalOf(offer: unknown): Promise<Refusal>;
  /** The agent goes on as the owner left it. */
  expectUntouched(): Promise<void>;
  close(): Promise<void>;
};

/** The owner may do everything, so that nothing but the agent stands in the attacker's way. */
const policies = `schema: 1
rules:
  - name: owners
    match: { actor: { kinds: [user], roles: [owner] } }
    effect: allow
`;

export async function createAttackedServer(): Promise<AttackedServer> {
  const root = mkdtempSync(join(tmpdir(), 'ms-attacker-'));
  mkdirSync(join(root, 'policies'));
  writeFileSync(join(root, 'policies', 'owners.yaml'), policies);
  const keeper_folder = join(root, 'keeper');
  let offset_ms = 0;
  const now = () => Date.now() + offset_ms;
  const keeper = await createKeeper({ directory: keeper_folder, policies: join(root, 'policies'), now });
  const enrolling: StandInKeeper = {
    ...(await createStandInKeeper()),
    key: (await keeper.keys())[0]!,
    sign: (action) =>
      action.kind === 'enrolment'
        ? enrolmentGrant(keeper, action.server_id, action.stack_id)
        : Promise.reject(new Error('only the real keeper signs here')),
  };
  const lab = await createLab({ keeper: enrolling });
  const { control } = lab;
  const honest = (document: DesiredState) => approvedOffer(keeper, document, control.server_id);
  const documentOf: AttackedServer['documentOf'] = async (version, text, over) => {
    const commit = lab.commit('web', { 'server.mjs': serverProgram(text) });
    return lab.document(version, { web: await lab.service('web', commit, { route: { prefix: '/' } }) }, over);
  };

  const first = lab.agent();
  await first.start();
  const deploy = async (version: number, text: string) => {
    const offer = await honest(await documentOf(version, text));
    control.offerRaw(offer);
    expect((await settled(first, version)).state).toBe('succeeded');
    return offer;
  };
  const deployed = [await deploy(1, 'one'), await deploy(2, 'two')] as const;
  const pids = await until(() => {
    const running = instancesOf(lab.home);
    return running.length === 1 ? running : null;
  }, 'the release before to be gone');

  const server: AttackedServer = {
    lab,
    keeper,
    keeper_folder,
    agent: first,
    deployed,
    pids,
    setKeeperClock(to) {
      offset_ms = to;
    },
    honest,
    documentOf,
    evil: () => documentOf(3, 'evil'),
    async fitted(document, grant) {
      const content_sha256 = await contentDigest(document);
      const plan = { ...deployed[1].plan!, base: document.version - 1, content_sha256 };
      return { document, sha256: await desiredStateDigest(document), grant, plan, key_changes: [] };
    },
    async forged(document, by) {
      const { stack_id, version } = document;
      const { plan, sha256 } = await server.fitted(document, '');
      const action = { kind: 'desired_state', stack_id, version, sha256 } as const;
      return by.sign(action, { aud: [control.server_id], plan_hash: await planHash(plan!) });
    },
    refusal: () => until(async () => (await server.agent.observe()).refusal, 'the refusal'),
    async refusalOf(offer) {
      // What is known clears what was refused before, so that each refusal is one of its own.
      control.offerRaw(deployed[1]);
      await until(async () => (await server.agent.observe()).refusal === null, 'the honest offer to be known again');
      const before = control.events().length;
      control.offerRaw(offer);
      const refusal = await server.refusal();
      const { reason, message } = refusal;
      const refused = () =>
        control
          .events()
          .slice(before)
          .find(({ kind }) => kind === 'desired_state.refused');
      expect(await until(refused, 'the event')).toMatchObject({ severity: 'error', data: { reason, message } });
      await until(() => control.state()?.refusal?.reason === reason, 'the heartbeat to tell it');
      return refusal;
    },
    async expectUntouched() {
      const state = await server.agent.observe();
      expect(state).toMatchObject({ accepted_version: 2, accepted_sha256: deployed[1].sha256 });
      expect(state.receipt).toMatchObject({ version: 2, state: 'succeeded' });
      expect(state.services['web']).toMatchObject({ state: 'running', restarts: 0 });
      expect((await get(lab.proxy_port)).text).toBe('two');
      expect(instancesOf(lab.home)).toEqual(pids);
    },
    async close() {
      await lab.close();
      rmSync(root, { recursive: true, force: true });
    },
  };
  return server;
}
