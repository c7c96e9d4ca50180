/**
 * Clocks that are ten minutes off. A process cannot be given another clock from outside here, so the control plane and the (simulated)
 * agent run in this process on clocks of their own; the keeper is a process, with the machine's clock.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSimulatedAgent, type SimulatedAgent } from '@mainstay/agent/sim/simulated-agent';
import { createClient } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import { startControlPlane } from '@mainstay/control-plane';
import { type Clock, silentLogger, systemClock } from '@mainstay/runtime';
import { createKeeperClient } from '@mainstay/runtime/keeper-client';
import type { Fault } from './faults.ts';
import { makeRepository, until } from './installation.ts';
import { openRecords, underWay } from './laws.ts';
import { createProgram } from './programs.ts';

const off_ms = 600_000;

type OffClock = Clock & { set(off_ms: number): void };

/** A clock that can be set so many milliseconds off. */
function clockToSet(off_ms = 0): OffClock {
  let offset_ms = off_ms;
  return {
    ...systemClock,
    now: () => systemClock.now() + offset_ms,
    set(to_ms) {
      offset_ms = to_ms;
    },
  };
}

type Off = {
  control_plane?: number;
  /** Of the agent once it is enrolled. */
  agent?: number;
  /** Of the agent while it enrols. */
  enrolment?: number;
};

/** A change on the control plane alone and one on a server; what became of each, with the clock off and when it was put right. */
async function withClocks(off: Off, expected: RegExp) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-chaos-clock-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const socket = join(folder, 'keeper.sock');
  const directory = join(home, 'keeper');
  const process_of_keeper = createProgram(
    'keeper',
    ['--directory', directory, '--socket', socket, '--policies', join(folder, 'policies')],
    join(folder, 'keeper.log'),
  );
  process_of_keeper.start();
  const keeper = createKeeperClient({ socket });
  await until(async () => (await keeper.keys()).length > 0, 'the keeper');
  const clock = clockToSet(off.control_plane);
  const clock_of_agent = clockToSet(off.enrolment);
  const plane = await startControlPlane({ home, port: 0, keeper, log: silentLogger(), clock });
  const client = createClient({ url: plane.url, token: await plane.createToken() });
  let agent: SimulatedAgent | null = null;
  try {
    const { path } = makeRepository(join(folder, 'repository'));
    const spec = (mark: string) => ({
      auto_deploy: false,
      services: { web: { source: { git: path }, run: 'node server.mjs', env: { MARK: mark } } },
    });
    const deployed = async (mark: string) => {
      const { operation } = await client['stacks.apply']({ stack: 'shop', spec: spec(mark) });
      const after = (await client['operations.get']({ id: operation.id!, wait_seconds: 30 })).operation;
      return `${after.state}${after.message === null ? '' : `: ${after.message}`}`;
    };
    const told = async (mark: string) =>
      deployed(mark).catch((error: unknown) => {
        if (error instanceof AppError) return `${error.code}: ${error.message}`;
        throw error;
      });
    let is_enrolled = false;
    const invite = async () => {
      await client['stacks.apply']({ stack: 'shop', spec: spec('first') });
      const { result } = await client['servers.invite']({ server: 'h1', stack: 'shop' });
      const { url } = plane;
      return createSimulatedAgent({ url, token: result!.token!, clock: clock_of_agent, heartbeat_interval_ms: 500 });
    };
    const setUp = async () => {
      // Invited once: its token is good until it has enrolled.
      agent ??= await invite();
      await agent.start();
      is_enrolled = true;
      clock_of_agent.set(off.agent ?? 0);
    };
    const first = await setUp().then(
      () => null,
      (error: unknown) => {
        if (error instanceof AppError) return `${error.code}: ${error.message}`;
        throw error;
      },
    );
    const saw = first ?? (await told('off'));
    if (!expected.test(saw)) throw new Error(`it was told as "${saw}"`);
    const started = performance.now();
    clock.set(0);
    clock_of_agent.set(0);
    if (!is_enrolled) await setUp();
    clock_of_agent.set(0);
    await until(async () => (await told('right')).startsWith('succeeded'), 'changes with clocks that agree');
    const records = openRecords({ store: join(home, 'mainstay.db'), ledger: join(directory, 'ledger.db'), mirror: '' });
    let left: string[] = [];
    await until(async () => {
      left = underWay(records);
      return left.length === 0;
    }, 'everything at its end')
      .catch((error: Error) => {
        throw new Error(`${error.message}: ${left.join('; ')}`, { cause: error });
      })
      .finally(() => records.close());
    return { saw: `"${saw}"; with the clock put right changes pass`, settle_ms: performance.now() - started };
  } finally {
    await (agent as SimulatedAgent | null)?.stop();
    await plane.stop();
    keeper.close();
    await process_of_keeper.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const clockFaults: readonly Fault[] = [
  {
    fault: 'control plane 10 minutes ahead of the keeper',
    run: () => withClocks({ control_plane: off_ms }, /^succeeded/),
  },
  {
    fault: 'control plane 10 minutes behind the keeper',
    run: () => withClocks({ control_plane: -off_ms }, /^Forbidden: .*in the future by this machine/),
  },
  { fault: 'agent 10 minutes ahead of the keeper', run: () => withClocks({ agent: off_ms }, /^succeeded/) },
  {
    fault: 'agent 10 minutes behind the keeper',
    run: () => withClocks({ agent: -off_ms }, /in the future by this machine/),
  },
  {
    fault: 'agent 10 minutes behind while it enrols',
    run: () => withClocks({ enrolment: -off_ms }, /^Forbidden: The clock of this machine is \d+ s behind/),
  },
];
