/** `mainstay status`: all of it on one screen, and one exit code that says whether anything needs a person. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { StackView } from '@mainstay/contract/operations/stacks';
import { type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { exitCodes } from '../exit-codes.ts';
import { safeText } from '../terminal/text.ts';
import { serverLines, serviceLines, stackLines } from '../views.ts';
import { waitingOperations } from './waiting.ts';

export const registerStatus: Registration = (program, cli) => {
  const command = program
    .command('status')
    .summary('Show stacks, servers and services, and whether all of it is healthy')
    .description(
      'Shows stacks, servers and services, and which operations wait for you.\n\nExits with 0 when the control plane is well, every stack is healthy (or on no server), and every enrolled server is online without a problem; with 1 otherwise.',
    )
    .option('--stack <stack>', 'only this stack, its servers and its services');
  commonOptions(command).action(
    cli.action(async (options: CommonOptions & { stack?: string }) => {
      const connection = cli.connect(options);
      const only = options.stack;
      const [health, { stacks: all }, { servers: every }, { services }, { for_me }] = await Promise.all([
        connection.call('system.health', {}),
        only === undefined
          ? connection.call('stacks.list', {})
          : connection.call('stacks.get', { stack: only }).then(({ stack }) => ({ stacks: [stack] })),
        connection.call('servers.list', {}),
        connection.call('services.list', only === undefined ? {} : { stack: only }),
        waitingOperations(connection, only === undefined ? {} : { stack: only }),
      ]);
      const servers = only === undefined ? every : every.filter((server) => server.stack === only);
      const healthy = health.state === 'ok' && all.every(isStackWell) && servers.every(isServerWell);
      if (options.json) {
        const waiting_for_me = for_me.map(({ id }) => id);
        const { version } = health;
        cli.printJson({ healthy, url: connection.url, version, stacks: all, servers, services, waiting_for_me });
      } else {
        const { paint, columns } = cli.terminal.out;
        const view = { paint, width: columns, now: cli.terminal.now() };
        const word = healthy ? paint('green', '● healthy') : paint('red', '● needs attention');
        cli.print(`${paint('bold', 'Mainstay')} ${safeText(health.version)} at ${connection.url}  ${word}`);
        for (const [name, check] of Object.entries(health.checks)) {
          if (!check.ok) cli.print(`  ${paint('yellow', '!')} ${safeText(name)}: ${safeText(check.message)}`);
        }
        for (const operation of for_me) {
          const { actor, plan, id } = operation;
          const text = `${actor.name}: ${plan.summary}, waits for you: mainstay ops show ${id}`;
          cli.print(`  ${paint('yellow', '!')} ${safeText(text)}`);
        }
        const blocks = [stackLines(all, view), serverLines(servers, view)];
        if (services.length > 0) blocks.push(serviceLines(services, view));
        for (const block of blocks) cli.print(`\n${block.join('\n')}`);
      }
      return healthy ? exitCodes.ok : exitCodes.failed;
    }),
  );
};

function isStackWell({ health }: StackView): boolean {
  return health === 'healthy' || health === 'empty';
}

function isServerWell({ state, problems }: ServerView): boolean {
  return state === 'invited' || (state === 'online' && problems.length === 0);
}
