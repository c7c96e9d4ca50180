/**
 * A program that runs the laws of supervisors and builders where systemd is: inside of a host of the lab, as root. With
 * `--build` it is another agent, which runs one build.
 */
import { spawn } from 'node:child_process';
import { builderConformance, type ElsewhereOptions } from '@mainstay/agent/supervisor/builder.conformance';
import { supervisorConformance } from '@mainstay/agent/supervisor/supervisor.conformance';
import { fileSink } from '@mainstay/agent/supervisor/supervisor.fixtures';
import { createSystemdBuilder } from '@mainstay/agent/supervisor/systemd/systemd-builder';
import { createSystemdSupervisor } from '@mainstay/agent/supervisor/systemd/systemd-supervisor';
import { runAll } from './runner.ts';

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
  await runAll(first);
}
process.exit(0);
