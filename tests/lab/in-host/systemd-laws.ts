/**
 * A program that runs the laws of supervisors and builders where systemd is: inside of a host of the lab, as root. With
 * `--build` it is another agent, which runs one build.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { builderConformance, type ElsewhereOptions } from '@mainstay/agent/supervisor/builder.conformance';
import { createProcessSupervisor } from '@mainstay/agent/supervisor/process-supervisor';
import { supervisorConformance } from '@mainstay/agent/supervisor/supervisor.conformance';
import { fileSink, instanceSpec, isRunning, temporaryFolder } from '@mainstay/agent/supervisor/supervisor.fixtures';
import { createSystemdBuilder } from '@mainstay/agent/supervisor/systemd/systemd-builder';
import { createSystemdSupervisor } from '@mainstay/agent/supervisor/systemd/systemd-supervisor';
import { describe, expect, it, runAll } from './runner.ts';

const [program, first, second] = process.argv.slice(1);
if (first === '--build') {
  const { home, lines, spec } = JSON.parse(second!) as ElsewhereOptions;
  await createSystemdBuilder({ home, sink: fileSink(lines) }).build(spec, new AbortController().signal);
} else {
  supervisorConformance('systemd', createSystemdSupervisor);
  builderConformance('systemd', {
    create: createSystemdBuilder,
    supervise: createSystemdSupervisor,
    buildElsewhere: (options) => spawn(process.execPath, [program!, '--build', JSON.stringify(options)]),
  });
  describe('systemd after child processes', () => {
    it('ends an instance that an agent started as a child process, so that it can be started as a unit', async () => {
      const folder = temporaryFolder();
      const options = { home: folder.path, sink: fileSink(join(folder.path, 'lines')) };
      const spec = instanceSpec({ command: ['sleep', '320'] });
      const before = createProcessSupervisor(options);
      const handle = await before.start(spec);
      await before.detach();
      const after = createSystemdSupervisor(options);
      expect(await after.recover(handle, spec)).toBeNull();
      expect(await after.sweep(new Set())).toEqual([spec.id]);
      expect(isRunning(handle.pid)).toBe(false);
      await after.start(spec);
      await after.stop(spec.id);
      await after.detach();
      folder.remove();
    });
  });
  await runAll(first);
}
process.exit(0);
