/** What the machine itself may lack when a desired state comes: the right time, space on the disk, the journal's lock. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Clock, systemClock } from '@mainstay/runtime/clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { canMount, onSmallDisk } from '../supervisor/supervisor.fixtures.ts';
import { createLab, get, instancesOf, type Lab, serverProgram, settled, until } from '../testing/lab.ts';

let lab: Lab;
beforeEach(async () => {
  lab = await createLab();
});
afterEach(() => lab.close());

const minutes = 60_000;
const route = { route: { prefix: '/' } };

async function webOf(text: string, env: Record<string, string> = {}) {
  const commit = lab.commit('web', { 'server.mjs': serverProgram(text) });
  return { web: await lab.service('web', commit, { ...route, env }) };
}

/** A clock that is off by so much, and can be set right. */
function clockOff(offset_ms: number): { clock: Clock; set(offset_ms: number): void } {
  let off = offset_ms;
  const set = (to: number) => {
    off = to;
  };
  return { clock: { ...systemClock, now: () => systemClock.now() + off }, set };
}

test('with a clock 10 minutes behind nothing is taken until it is right, and the message names the clock and the remedy', async () => {
  const { clock, set } = clockOff(0);
  const agent = lab.agent({ clock });
  await agent.start();
  expect((await lab.deploy(agent, lab.document(1, await webOf('one')))).state).toBe('succeeded');
  set(-10 * minutes);
  await lab.control.offer(lab.document(2, await webOf('two')));
  const { refusal } = await until(async () => {
    const state = await agent.observe();
    return state.refusal ? state : null;
  }, 'the refusal');
  expect(refusal).toMatchObject({ version: 2, reason: 'not_yet_valid' });
  expect(refusal?.message).toMatch(/(59[0-9]|60[0-9]) s in the future by this machine's clock\..*NTP/);
  const skew = await until(
    async () => (await agent.observe()).problems.find(({ code }) => code === 'clock_skew'),
    'the problem',
  );
  expect(skew.message).toMatch(/(59[0-9]|60[0-9]) s behind .*NTP/);
  expect((await get(lab.proxy_port)).text).toBe('one');
  set(0);
  // The same offer is asked for again; nobody has to deploy anew.
  expect((await settled(agent, 2)).state).toBe('succeeded');
  expect((await get(lab.proxy_port)).text).toBe('two');
  expect((await agent.observe()).refusal).toBeNull();
});

test('with a clock 10 minutes ahead a grant with time left is taken, one without is refused until the clock is right', async () => {
  const { clock, set } = clockOff(10 * minutes);
  const agent = lab.agent({ clock });
  await agent.start();
  const now = Math.floor(Date.now() / 1000);
  await lab.control.offer(lab.document(1, await webOf('one')), { exp: now + 3_600 });
  expect((await settled(agent, 1)).state).toBe('succeeded');
  await lab.control.offer(lab.document(2, await webOf('two')), { exp: now + 300 });
  const { refusal } = await until(async () => {
    const state = await agent.observe();
    return state.refusal ? state : null;
  }, 'the refusal');
  expect(refusal).toMatchObject({ version: 2, reason: 'expired' });
  expect(refusal?.message).toMatch(/expired \d+ s ago by this machine's clock\..*NTP/);
  expect((await get(lab.proxy_port)).text).toBe('one');
  set(0);
  expect((await settled(agent, 2)).state).toBe('succeeded');
});

/** What must hold while a version cannot be journalled: nothing of it is to be seen anywhere. */
async function expectNothingOf(version: number, agent: ReturnType<Lab['agent']>, pids: number[]): Promise<void> {
  const problem = await until(
    async () => (await agent.observe()).problems.find(({ code }) => code === 'store'),
    'the problem',
  );
  expect(problem.message).toMatch(/nothing can be deployed/);
  const state = await agent.observe();
  expect(state.accepted_version).toBe(version - 1);
  expect(state.receipt).toMatchObject({ version: version - 1, state: 'succeeded' });
  expect(instancesOf(lab.home)).toEqual(pids);
  expect((await get(lab.proxy_port)).text).toBe('one');
}

test('a version that cannot be journalled because the journal is locked is not run, and is taken when it can', async () => {
  const agent = lab.agent();
  await agent.start();
  expect((await lab.deploy(agent, lab.document(1, await webOf('one')))).state).toBe('succeeded');
  const pids = instancesOf(lab.home);
  const thief = new DatabaseSync(join(lab.home, 'journal.sqlite'));
  thief.exec('BEGIN IMMEDIATE');
  await lab.control.offer(lab.document(2, await webOf('two')));
  await expectNothingOf(2, agent, pids);
  thief.exec('ROLLBACK');
  thief.close();
  expect((await settled(agent, 2)).state).toBe('succeeded');
  expect((await get(lab.proxy_port)).text).toBe('two');
});

test.skipIf(!canMount())(
  'a version that cannot be journalled because the disk is full is not run, and is taken when there is space (needs root, for a small tmpfs)',
  async () => {
    // A deploy asks for 256 MiB of free disk.
    await onSmallDisk(lab.home, 320, async () => {
      const agent = lab.agent();
      await agent.start();
      expect((await lab.deploy(agent, lab.document(1, await webOf('one')))).state).toBe('succeeded');
      const pids = instancesOf(lab.home);
      const ballast = join(lab.home, 'ballast');
      expect(() => writeFileSync(ballast, Buffer.alloc(320 * 1024 * 1024))).toThrow(/ENOSPC/);
      // More than what SQLite may have left in files that are there already.
      const large = Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`PADDING_${n}`, 'x'.repeat(30_000)]));
      await lab.control.offer(lab.document(2, await webOf('two', large)));
      await expectNothingOf(2, agent, pids);
      await lab.control.offer(lab.document(2, await webOf('two')));
      rmSync(ballast);
      expect((await settled(agent, 2)).state).toBe('succeeded');
      expect((await get(lab.proxy_port)).text).toBe('two');
      await agent.stop({ services: true });
    });
  },
);
