/**
 * The agent as one executable, `mainstay-agent`: all of its programs behind subcommands, since a single file cannot lie beside another.
 *
 *   mainstay-agent run …          the agent; takes what agent-main takes, or --config <file> as the unit does
 *   mainstay-agent proxy …        the embedded proxy, started by the agent itself
 *   mainstay-agent revert-update  what the watchdog of an update starts
 *   mainstay-agent install | uninstall | status | doctor | version
 *
 * A subcommand loads only its own part, so that the agent and its proxy stay small.
 */
import { AppError } from '@mainstay/contract/app-error';

const usage = `Usage: mainstay-agent COMMAND

  install --url URL --token-file FILE   set this machine up as a server, and enrol it
  status [--json]                       how the agent on this machine is
  doctor [--json]                       look for what is wrong here, and say how to put it right
  uninstall [--keep-data] [--yes]       take all of it away again
  version                               print the version
  run --config FILE                     the agent itself, as its unit starts it
`;

async function main(): Promise<void> {
  const [command = 'help', ...args] = process.argv.slice(2);
  // The programs behind read their arguments from the third on, as they do when they are files of their own.
  process.argv.splice(2, 1);
  switch (command) {
    case 'run':
      await (await import('./installation/run-arguments.ts')).readRunArguments();
      await import('./agent-main.ts');
      return;
    case 'proxy':
      await import('./proxy/embedded-proxy-main.ts');
      return;
    case 'install':
      return (await import('./installation/install.ts')).runInstall(args);
    case 'uninstall':
      return (await import('./installation/uninstall.ts')).runUninstall(args);
    case 'revert-update':
      return (await import('./update/revert-update.ts')).runRevertUpdate();
    case 'status':
      return (await import('./installation/status.ts')).runStatus(args);
    case 'doctor':
      return (await import('./installation/doctor.ts')).runDoctor(args);
    case 'version':
    case '--version':
      process.stdout.write(`${process.env['MAINSTAY_VERSION'] ?? '0.1.0'}\n`);
      return;
    case 'help':
    case '--help':
    case '-h':
      process.stdout.write(usage);
      return;
    default:
      throw new AppError('InvalidInput', `There is no command "${command}".`, { hint: `\n${usage}` });
  }
}

main().catch((error: Error) => {
  const hint = error instanceof AppError && error.hint ? `\n  ${error.hint}` : '';
  process.stderr.write(`mainstay-agent: ${error.message}${hint}\n`);
  const code = (error as NodeJS.ErrnoException).code;
  process.exit(code === 'InvalidInput' || code?.startsWith('ERR_PARSE_ARGS') ? 64 : 1);
});
