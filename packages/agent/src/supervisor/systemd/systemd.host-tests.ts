/**
 * A program that runs the laws of supervisors and builders where systemd is: inside of a host of the lab, as root. With
 * `--build` it is another agent, which runs one build.
 */
import { spawn } from 'node:child_process';
import { runAll } from '../../../../../tests/lab/in-host/runner.ts';
import { builderConformance, type ElsewhereOptions } from '../builder.conformance.ts';
import { supervisorConformance } from '../supervisor.conformance.ts';
import { fileSink } from '../supervisor.fixtures.ts';
import { createSystemdBuilder } from './systemd-builder.ts';
import { createSystemdSupervisor } from './systemd-supervisor.ts';

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
