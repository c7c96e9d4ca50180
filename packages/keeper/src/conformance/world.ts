/** What the laws of the keeper are tried in: people with keys, policies, a clock that stands still, and a keeper to reach somehow. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyGrant } from '@mainstay/contract/grant';
import type { Decision, KeeperApi } from '@mainstay/contract/keeper-api';
import { afterEach, beforeEach } from 'vitest';
import { makePerson, type Person } from '../testing/proposals.ts';

export type KeeperUnderTest = { keeper: KeeperApi; stop(): Promise<void> };
export type StartKeeper = (options: {
  directory: string;
  policies: string;
  now: () => number;
}) => Promise<KeeperUnderTest>;

const policies = `schema: 1
rules:
  - name: owners
    match: { actor: { kinds: [user], roles: [owner] } }
    effect: allow
  - name: deployers
    match: { operations: [stacks.deploy], actor: { roles: [deployer] } }
    effect: require
    require: { approvals: 2, role: approver, expires_seconds: 3600 }
  - name: secrets
    match: { operations: [secrets.set], actor: { roles: [deployer] } }
    effect: require
    require: { approvals: 1, role: admin, proof: signed }
  - name: removals
    match: { operations: ['*.remove', 'keeper.*'], actor: { roles: [owner] } }
    effect: require
    require: { confirmation: true, proof: signed }
  - name: credentials
    match: { operations: [credentials.remove], actor: { roles: [owner] } }
    effect: require
    require: { approvals: 1, role: admin }
`;

export type World = ReturnType<typeof worldForTests>;

/** Begins anew before each test of the suite that calls it. */
export function worldForTests(start: StartKeeper) {
  let folder: string;
  let running: KeeperUnderTest;
  const world = {
    now: 0,
    people: {} as Record<'olga' | 'dora' | 'anna' | 'axel', Person>,
    get keeper() {
      return running.keeper;
    },
    /** Registers the owner's key, and has the owner admit those of others as what they are. */
    async admitAll(...others: Person[]) {
      const { olga } = world.people;
      await running.keeper.registerKey(olga.registration);
      for (const { registration, id, role, key_id } of others) {
        await running.keeper.registerKey(registration);
        const proof = await olga.sign({ says: 'admit_key', about: key_id, admits: { user_id: id, role } }, world.now);
        await running.keeper.admitKey({ key_id, proof });
      }
    },
    async verified(decision: Decision | null, audience: string) {
      if (decision?.decision !== 'approved') throw new Error(`not approved: ${JSON.stringify(decision)}`);
      return verifyGrant(decision.grant, { keys: await running.keeper.keys(), audience, now_ms: world.now });
    },
  };
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'mainstay-keeper-'));
    mkdirSync(join(folder, 'policies'));
    writeFileSync(join(folder, 'policies', 'test.yaml'), policies);
    world.now = 1_760_000_000_000;
    running = await start({
      directory: join(folder, 'keeper'),
      policies: join(folder, 'policies'),
      now: () => world.now,
    });
    world.people = {
      olga: await makePerson('olga', 'owner'),
      dora: await makePerson('dora', 'deployer'),
      anna: await makePerson('anna', 'approver', 'P-256'),
      axel: await makePerson('axel', 'admin'),
    };
  });
  afterEach(async () => {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return world;
}
