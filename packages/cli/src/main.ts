/** The `mainstay` command. */
import { registrations } from './registrations.ts';
import { runCli } from './run.ts';
import { systemTerminal } from './terminal/terminal.ts';

// Whoever reads the output may stop reading, as `head` does; that is no failure. It is a hang-up: what must end in order does.
let isHungUp = false;
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!isHungUp && !process.emit('SIGHUP', 'SIGHUP')) process.exit(0);
    isHungUp = true;
  });
}

process.exitCode = await runCli(process.argv.slice(2), systemTerminal(), registrations);
