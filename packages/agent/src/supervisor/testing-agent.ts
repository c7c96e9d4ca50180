/** A program for the tests: as much of an agent as starts one instance, tells its handle, and waits to be killed. */
import { createProcessSupervisor } from './process-supervisor.ts';
import { fileSink } from './supervisor.fixtures.ts';

const [home, sink_path, spec] = process.argv.slice(2) as [string, string, string];
const supervisor = createProcessSupervisor({ home, sink: fileSink(sink_path) });
const handle = await supervisor.start(JSON.parse(spec));
process.stdout.write(`${JSON.stringify(handle)}\n`);
setInterval(() => {}, 1_000);
