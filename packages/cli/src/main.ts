/** The `mainstay` command. */
import { registrations } from './registrations.ts';
import { runCli } from './run.ts';
import { systemTerminal } from './terminal/terminal.ts';

// Whoever reads the output may stop reading, as `head` does; that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCli(process.argv.slice(2), systemTerminal(), registrations);
