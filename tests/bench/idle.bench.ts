/**
 * Resident memory of the built programs when nothing happens: one stack of one service, after a minute of quiet.
 *
 * node tests/bench/idle.bench.ts
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { agentNodeFlags } from '@mainstay/agent/agent-node-flags';
import { freePort } from '@mainstay/runtime/testing/free-port';
import { cpuOf, makeRepository, rssOf, startAgent, startControlPlane, until } from './installation.ts';

const quiet_seconds = 60;

export type IdleRow = { program: string; rss_mib: number; core_percent: number; goal_mib: number | null };

export async function benchIdle(): Promise<IdleRow[]> {
  const at = await startControlPlane();
  try {
    const repository = makeRepository(join(at.home, 'bench-repository'), join(import.meta.dirname, 'service'));
    const web = {
      source: { git: repository.url },
      run: [process.execPath, 'server.mjs'],
      route: { prefix: '/' },
      env: { WS_MODULE: import.meta.resolve('ws') },
    };
    const spec = { proxy: { port: await freePort() }, names: { port: await freePort() }, services: { web } };
    await at.client['stacks.apply']({ stack: 'bench', spec });
    const agent = await startAgent(at, agentNodeFlags, 'bench');
    try {
      await until(
        async () => (await at.client['stacks.get']({ stack: 'bench' })).stack.health === 'healthy',
        'the stack',
      );
      const { reported } = await at.client['servers.get']({ server: 'bench' });
      const programs = [
        { program: 'control plane', pid: at.control_plane.pid, goal_mib: 110 },
        { program: 'agent', pid: agent.pid, goal_mib: 64 },
        { program: 'proxy', pid: reported!.proxy.pid!, goal_mib: null },
      ];
      const before = programs.map(({ pid }) => cpuOf(pid));
      await new Promise((resolve) => setTimeout(resolve, quiet_seconds * 1000));
      return programs.map(({ program, pid, goal_mib }, index) => ({
        program,
        rss_mib: (rssOf(pid) * 1e6) / 1024 ** 2,
        core_percent: ((cpuOf(pid) - before[index]!) / quiet_seconds) * 100,
        goal_mib,
      }));
    } finally {
      await agent.stop('SIGINT');
    }
  } finally {
    await at.stop();
  }
}

export function printIdle(rows: readonly IdleRow[]): void {
  console.log(`\nIdle, after ${quiet_seconds} s of quiet`);
  for (const { program, rss_mib, core_percent, goal_mib } of rows) {
    const goal = goal_mib === null ? '' : ` (goal ≤ ${goal_mib} MiB)`;
    console.log(
      `  ${program.padEnd(14)} ${rss_mib.toFixed(0)} MiB resident${goal}, ${core_percent.toFixed(2)} % of a core`,
    );
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printIdle(await benchIdle());
