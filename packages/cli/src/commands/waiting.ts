/** `mainstay ops list --waiting`: what waits, and first of all what waits for whoever asks. */
import type { OperationView, OutputOf } from '@mainstay/contract/operation';
import type { OperationById } from '@mainstay/contract/operations/index';
import { wordAskedOf } from '@mainstay/contract/waiting';
import type { Connection } from '../connection.ts';
import { operationLines } from '../operation-views.ts';
import type { OwnCommand } from '../own-command.ts';

const waiting_max = 200;

export type Waiting = { for_me: OperationView[]; for_others: OperationView[]; more: boolean };

/** What waits, newest first; 200 at most. */
export async function waitingOperations(
  connection: Connection,
  filter: Record<string, unknown> = {},
): Promise<Waiting> {
  const asked = { limit: waiting_max, ...filter, state: ['waiting'] };
  const [who, { operations, more }] = await Promise.all([
    connection.call('system.whoami', {}),
    connection.callRaw('operations.list', asked) as Promise<OutputOf<OperationById['operations.list']>>,
  ]);
  const isForMe = (operation: OperationView) => wordAskedOf(operation, who) !== null;
  return {
    for_me: operations.filter(isForMe),
    for_others: operations.filter((operation) => !isForMe(operation)),
    more,
  };
}

export const listOperationsCommand: OwnCommand = {
  options: (command) => void command.option('--waiting', 'only what waits, that for you first'),
  async run({ cli, connection, input, options }) {
    const { paint, columns } = cli.terminal.out;
    const view = { paint, width: columns, now: cli.terminal.now() };
    if (options['waiting'] !== true) {
      const output = (await connection.callRaw('operations.list', input)) as OutputOf<OperationById['operations.list']>;
      if (options.json) cli.printJson(output);
      else for (const line of operationLines(output, view)) cli.print(line);
      return 0;
    }
    const { for_me, for_others, more } = await waitingOperations(connection, input);
    if (options.json) {
      cli.printJson({ operations: [...for_me, ...for_others], for_me: for_me.map(({ id }) => id), more });
      return 0;
    }
    if (for_me.length + for_others.length === 0) cli.print('Nothing waits.');
    if (for_me.length > 0) {
      cli.print(paint('bold', 'For you:'));
      for (const line of operationLines({ operations: for_me }, view)) cli.print(line);
    }
    if (for_others.length > 0) {
      cli.print(`${for_me.length > 0 ? '\n' : ''}${paint('bold', 'For others, or a time:')}`);
      for (const line of operationLines({ operations: for_others }, view)) cli.print(line);
    }
    return 0;
  },
};
