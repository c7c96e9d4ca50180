/** Builds that fork, write and print without end, beside a service that is asked all the while: they are ended, and it goes on. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { Round } from './in-host/build-faults-program.ts';
import { host_node, takeIntoHost } from './in-host/run-in-host.ts';
import { type Lab, openLab, whyNoLab } from './open-lab.ts';

const program = join(import.meta.dirname, 'in-host', 'build-faults-program.ts');
const outcomes = {
  quiet: null,
  forks: 'process_limit',
  writes: 'disk_limit',
  'writes many files': 'disk_limit',
  prints: 'timeout',
  'quiet again': null,
};
/** The p99 of requests during a fault, beside that of quiet. */
const factor_max = 1.5;
/** Where requests take longer in quiet, the machine is too slow to tell what a fault costs, milliseconds. */
const quiet_p50_max = 50;

const missing = whyNoLab();
if (missing) console.warn(`skipped: faulty builds on hosts of the lab: ${missing}`);
/** Where containers have the controllers of cgroup v2, the kernel holds their limits; a virtual machine has them anyway. */
const controllers = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified']
  .map((tree) => join(tree, 'cgroup.controllers'))
  .flatMap((file) => (existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : []));
const limited = ['cpu', 'pids'].every((one) => controllers.includes(one)) ? 'container' : 'vm';
const without_vm = process.env['LAB_VM'] === '1' ? whyNoLab('vm') : 'set LAB_VM=1: a virtual machine takes minutes';
const without_limits = limited === 'container' ? missing : without_vm;
if (without_limits) console.warn(`skipped: what faulty builds cost, where the kernel holds limits: ${without_limits}`);

describe('faulty builds', () => {
  let lab: Lab;
  afterEach(() => lab?.down());

  async function rounds(kind: 'container' | 'vm', seconds: number): Promise<Map<string, Round>> {
    lab = await openLab({ hosts: 1, name: 'faults', kind });
    const host = lab.host('h1');
    await takeIntoHost(lab, host, program, '/opt/build-faults.mjs');
    const said = await host.run([host_node, '/opt/build-faults.mjs', String(seconds)], { timeout_ms: 1_200_000 });
    const lines = said.split('\n').filter((line) => line.startsWith('{'));
    console.log(`${kind}:\n${lines.join('\n')}`);
    return new Map(lines.map((line) => JSON.parse(line) as Round).map((round) => [round.round, round]));
  }

  function expectEnded(all: Map<string, Round>): void {
    expect(Object.fromEntries([...all].map(([name, { outcome }]) => [name, outcome]))).toEqual(outcomes);
    for (const { requests, failed } of all.values()) expect([requests > 50, failed]).toEqual([true, 0]);
  }

  test.skipIf(missing !== null)('each is ended for what it did, and no request to the service fails', async () => {
    expectEnded(await rounds('container', 8));
  });

  test.skipIf(without_limits !== null)(
    'where the kernel holds limits, requests take about as long as in quiet',
    async (context) => {
      const all = await rounds(limited, 30);
      expectEnded(all);
      const { p50, p99 } = all.get('quiet')!;
      context.skip(p50 > quiet_p50_max, `requests take ${p50} ms in quiet here: the machine is too slow to tell`);
      for (const round of all.values()) expect(round.p99, round.round).toBeLessThanOrEqual(factor_max * p99);
    },
  );
});
