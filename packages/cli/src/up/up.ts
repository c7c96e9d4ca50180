/** `mainstay up`: the command and its options. */
import { isAbsolute, resolve } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { parsePublicUrl } from '@mainstay/contract/public-url';
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { homeOf } from '../connection.ts';
import { createReporter } from './reporter.ts';
import { runUp } from './run-up.ts';

type Flags = {
  home?: string;
  port: string;
  host: string;
  publicUrl?: string;
  proxyPort?: string;
  examples: boolean;
  agent: boolean;
  quiet?: boolean;
  verbose?: boolean;
  jsonLogs?: boolean;
};

const description = `Start Mainstay on this machine: control plane, dashboard and a local agent.

The first start also deploys the example stack. Later starts take up what is there: services that still run are adopted, those that do not are started. Ctrl-C stops everything in order, services included.`;

export function registerUp(program: Command, cli: Cli): void {
  program
    .command('up')
    .summary('Start Mainstay on this machine')
    .description(description)
    .option('--home <folder>', 'folder of all state (also MAINSTAY_HOME; default ~/.local/share/mainstay)')
    .option('--port <port>', 'port of the dashboard and the API', '7070')
    .option('--host <address>', 'address that they listen on', '127.0.0.1')
    .option(
      '--public-url <url>',
      'address under which a reverse proxy serves them, path prefix included (also MAINSTAY_PUBLIC_URL)',
    )
    .option('--proxy-port <port>', 'port at which the example is served (default 8080, or what it has)')
    .option('--no-examples', 'do not deploy the example stack')
    .option('--no-agent', 'start the control plane only')
    .option('--quiet', 'say only what went wrong, and the addresses')
    .option('--verbose', 'show the logs of the programs as they run')
    .option('--json-logs', 'write everything as JSON lines on stderr')
    .addHelpText('after', '\nIn a clone of the repository: npm start -- --proxy-port 8090')
    .action(
      cli.action(async (flags: Flags) => {
        const { out, err, env, cwd } = cli.terminal;
        const given = homeOf(flags.home === undefined ? {} : { home: flags.home }, env);
        const public_url = flags.publicUrl ?? env['MAINSTAY_PUBLIC_URL'];
        const options = {
          home: isAbsolute(given) ? given : resolve(cwd, given),
          port: portOf(flags.port, 'port', 0),
          host: flags.host,
          public_url: public_url ? parsePublicUrl(public_url).url : null,
          proxy_port: flags.proxyPort === undefined ? null : portOf(flags.proxyPort, 'proxy_port', 1),
          has_examples: flags.examples && flags.agent,
          has_agent: flags.agent,
          is_verbose: flags.verbose === true || flags.jsonLogs === true,
          command: commandPrefix(env, flags.home),
          env,
        };
        const report = createReporter(out, err, { is_quiet: flags.quiet === true, is_json: flags.jsonLogs === true });
        return runUp(options, report);
      }),
    );
}

function portOf(text: string, field: string, least: number): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port >= least && port <= 65_535) return port;
  throw new AppError('InvalidInput', `"${text}" is not a port.`, {
    field,
    hint: `Give a number from ${least} to 65535.`,
  });
}

/** How the person at this terminal calls the CLI: in a clone of the repository by its script. */
function commandPrefix(env: Readonly<Record<string, string | undefined>>, home: string | undefined) {
  const program = env['MAINSTAY_COMMAND'] ?? (env['npm_lifecycle_event'] === undefined ? 'mainstay' : './mainstay');
  return (words: string) => `${program} ${words}${home === undefined ? '' : ` --home ${home}`}`;
}
