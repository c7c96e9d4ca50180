/** `mainstay deploy`, `rollback` and `restart`: the everyday changes of a stack, under short names. */
import { type ChangeOptions, changeOptions, runChange } from '../change/run-change.ts';
import { commonOptions, type Registration } from '../cli.ts';
import { numberValue } from '../operation-input.ts';

type Shared = ChangeOptions & { dryRun?: boolean };
type DeployOptions = Shared & { service?: string[]; restart?: boolean };
type RollbackOptions = Shared & { to?: string; service?: string };

const collect = (value: string, before: string[] | undefined) => [...(before ?? []), value];

export const registerDeploy: Registration = (program, cli) => {
  const add = (name: string, summary: string, description: string) => {
    const command = program
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<stack>', 'name of the stack');
    return changeOptions(commonOptions(command)).option('--dry-run', 'show the plan and change nothing');
  };
  const run = (
    id: 'stacks.deploy' | 'stacks.rollback',
    input: Record<string, unknown>,
    options: Shared,
  ): Promise<number> => {
    const given = Object.entries({ ...input, dry_run: options.dryRun }).filter(([, value]) => value !== undefined);
    return runChange(cli, cli.connect(options), id, Object.fromEntries(given), options);
  };

  add(
    'deploy',
    'Deploy the newest commits of a stack',
    'Looks the refs of the stack up, and deploys what is new, with changed secrets.',
  )
    .option('--service <name>', 'only this service; may be given several times', collect)
    .option('--restart', 'start a new instance even where nothing changed')
    .action(
      cli.action(async (stack: string, options: DeployOptions) =>
        run('stacks.deploy', { stack, services: options.service, restart: options.restart }, options),
      ),
    );

  add(
    'rollback',
    'Go back to an earlier version of a stack',
    'Goes back to an earlier version, code and configuration together. `mainstay stacks versions STACK` lists them.',
  )
    .option('--to <version>', 'left out: the last version before this one that succeeded')
    .option('--service <name>', 'only this service')
    .action(
      cli.action(async (stack: string, options: RollbackOptions) => {
        const version = options.to === undefined ? undefined : numberValue('version', options.to);
        return run('stacks.rollback', { stack, version, service: options.service }, options);
      }),
    );

  add(
    'restart',
    'Start new instances of services',
    'Starts a new instance of every service named, as it is deployed now, and switches to it when it is healthy.',
  )
    .argument('<services...>', 'names of the services')
    .action(
      cli.action(async (stack: string, services: string[], options: Shared) =>
        run('stacks.deploy', { stack, services, restart: true }, options),
      ),
    );
};
