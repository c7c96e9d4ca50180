import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { builderConformance } from './builder.conformance.ts';
import { createProcessBuilder } from './process-builder.ts';
import { createProcessSupervisor } from './process-supervisor.ts';

const elsewhere = `
  import { createProcessBuilder } from ${JSON.stringify(join(import.meta.dirname, 'process-builder.ts'))};
  import { fileSink } from ${JSON.stringify(join(import.meta.dirname, 'supervisor.fixtures.ts'))};
  const { home, lines, spec } = JSON.parse(process.argv[1]);
  createProcessBuilder({ home, sink: fileSink(lines) }).build(spec, new AbortController().signal);`;

builderConformance('process', {
  create: createProcessBuilder,
  supervise: createProcessSupervisor,
  buildElsewhere: (options) =>
    spawn(process.execPath, ['--input-type=module', '-e', elsewhere, JSON.stringify(options)]),
});
