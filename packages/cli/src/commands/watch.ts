/** `mainstay logs`, `events` and `operations follow`: what is printed, what happens, how a change goes on, live. */
import type { AppError } from '@mainstay/contract/errors';
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView, LogLineView } from '@mainstay/contract/operations/watch';
import { systemClock } from '@mainstay/runtime/clock';
import { showFailure } from '../change/failure.ts';
import { withRetries } from '../change/follow.ts';
import { eventLine } from '../change/progress.ts';
import { type ChangeOptions, exitCodeOf, timeoutOf, watch } from '../change/run-change.ts';
import { type Cli, type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import { exitCodes } from '../exit-codes.ts';
import { numberValue } from '../operation-input.ts';
import { safeText } from '../terminal/text.ts';
import { dateTimeText, timeValue } from '../terminal/time.ts';
import { logLine } from '../views.ts';

type Page<Item> = { items: Item[]; next: number };
type Fetch<Item> = (after: number | undefined, wait_seconds: number, signal: AbortSignal) => Promise<Page<Item>>;
type LogOptions = CommonOptions & {
  follow?: boolean;
  tail: string;
  search?: string;
  level?: string;
  since?: string;
  until?: string;
  release?: string;
  stream?: string;
  server?: string;
  raw?: boolean;
};
type EventOptions = CommonOptions & {
  follow?: boolean;
  tail: string;
  stack?: string;
  server?: string;
  service?: string;
  severity?: string;
  kind?: string[];
  actor?: string;
  search?: string;
  since?: string;
  until?: string;
  operation?: string;
};

const wait_seconds = 25;
const sinceOption = ['--since <time>', 'not before this time: how long ago (10m, 2h, 3d), or a date'] as const;
const untilOption = ['--until <time>', 'not after this time, said in the same way'] as const;

export const registerWatch: Registration = (program, cli) => {
  const logs = groupCommand(program, 'logs')
    .command('show', { isDefault: true })
    .summary('Show the log of a stack or a service, and follow it')
    .description(
      'Shows what services and builds printed. Control characters are shown as escapes, unless --raw is given.',
    )
    .argument('<stack>', 'name of the stack')
    .argument('[service]', 'name of the service; left out, all')
    .option('-f, --follow', 'go on with new lines, until Ctrl-C')
    .option('--tail <lines>', 'how many of the newest lines', '200')
    .option('--search <text>', 'only lines that hold this text, letter case aside')
    .option('--level <level>', 'this level and those above: debug, info, warn, error')
    .option(...sinceOption)
    .option(...untilOption)
    .option('--release <id>', 'only this release')
    .option('--stream <stream>', 'only stdout, stderr or build')
    .option('--server <server>', 'only this server')
    .option('--raw', 'write lines as they were printed, control characters too');
  commonOptions(logs).action(
    cli.action(async (stack: string, service: string | undefined, options: LogOptions) => {
      const connection = cli.connect(options);
      const filter = given({
        service,
        server: options.server,
        release_id: options.release,
        stream: options.stream as LogLineView['stream'] | undefined,
        level: options.level as LogLineView['level'] & string,
        search: options.search,
        ...times(cli, options),
      });
      const limit = numberValue('tail', options.tail);
      const show = (line: LogLineView) =>
        options.json
          ? cli.printLine(line)
          : cli.print(logLine(line, { paint: cli.terminal.out.paint, raw: options.raw }));
      await stream<LogLineView>(cli, options.follow === true, show, async (after, wait, signal) => {
        const where = after === undefined ? { limit } : { after, limit: 1_000, wait_seconds: wait };
        const { lines, next } = await connection.call('logs.list', { stack, ...filter, ...where }, { signal });
        return { items: lines, next };
      });
      return exitCodes.ok;
    }),
  );

  const events = groupCommand(program, 'events')
    .command('show', { isDefault: true })
    .summary('Show what happened, and follow it')
    .description('Shows events, oldest first.')
    .option('-f, --follow', 'go on with new events, until Ctrl-C')
    .option('--tail <events>', 'how many of the newest events', '50')
    .option('--stack <stack>', 'only of this stack')
    .option('--server <server>', 'only of this server')
    .option('--service <service>', 'only of this service')
    .option('--severity <severity>', 'this and those above: info, notice, warning, error')
    .option('--kind <kinds...>', 'only these kinds, such as build.failed, or all that begin so: build.')
    .option('--actor <name>', 'only what this one caused')
    .option('--search <text>', 'only events whose message holds this text, letter case aside')
    .option(...sinceOption)
    .option(...untilOption)
    .option('--operation <id>', 'only of this operation');
  commonOptions(events).action(
    cli.action(async (options: EventOptions) => {
      const connection = cli.connect(options);
      const filter = given({
        stack: options.stack,
        server: options.server,
        service: options.service,
        severity: options.severity as EventView['severity'] | undefined,
        kind: options.kind,
        actor: options.actor,
        search: options.search,
        operation_id: options.operation,
        ...times(cli, options),
      });
      const limit = numberValue('tail', options.tail);
      const show = (event: EventView) =>
        options.json ? cli.printLine(event) : cli.print(eventLine(event, cli.terminal.out.paint, dateTimeText));
      await stream<EventView>(cli, options.follow === true, show, async (after, wait, signal) => {
        const where = after === undefined ? { limit } : { after, limit: 1_000, wait_seconds: wait };
        const page = await connection.call('events.list', { ...filter, ...where }, { signal });
        return { items: page.events, next: page.next };
      });
      return exitCodes.ok;
    }),
  );

  const follow = groupCommand(program, 'operations')
    .command('follow')
    .summary('Follow an operation to its end')
    .description('Shows the progress of an operation, and ends when it has, with its exit code.')
    .argument('<id>', 'id of the operation')
    .option('--timeout <seconds>', 'wait no longer than this; the operation goes on', '3600');
  commonOptions(follow).action(
    cli.action(async (id: string, options: ChangeOptions) => {
      const connection = cli.connect(options);
      const seen: EventView[] = [];
      const operation = await watch(cli, connection, id, timeoutOf(options), options, seen);
      if (operation === null) return exitCodes.interrupted;
      if (options.json) cli.printJson({ operation });
      else if (exitCodeOf(operation) === exitCodes.ok) cli.print(endLine(cli, operation));
      else await showFailure(operation, seen, connection, cli.terminal);
      return exitCodeOf(operation);
    }),
  );
};

function endLine(cli: Cli, { plan, message }: OperationView): string {
  const more = message === null ? '' : ` ${safeText(message)}`;
  return `${cli.terminal.out.paint('green', '✓')} ${safeText(plan.summary)}${more}`;
}

/** Shows the newest items, then goes on with what comes after, until Ctrl-C; a lost control plane is waited for. */
async function stream<Item>(
  cli: Cli,
  follow: boolean,
  show: (item: Item) => void,
  fetchPage: Fetch<Item>,
): Promise<void> {
  const interrupt = new AbortController();
  const release = follow ? cli.terminal.onInterrupt(() => interrupt.abort()) : () => {};
  const { signal } = interrupt;
  const onTrouble = (error: AppError) => cli.note(`${safeText(error.message)} Trying again.`);
  try {
    let page = await fetchPage(undefined, 0, signal);
    for (;;) {
      for (const item of page.items) show(item);
      if (!follow) return;
      const after = page.next;
      page = await withRetries(() => fetchPage(after, wait_seconds, signal), { clock: systemClock, signal, onTrouble });
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    release();
  }
}

/** The span of time that was asked for. */
function times(cli: Cli, { since, until }: { since?: string; until?: string }) {
  const now = cli.terminal.now();
  return {
    from: since === undefined ? undefined : timeValue('since', since, now),
    to: until === undefined ? undefined : timeValue('until', until, now),
  };
}

/** The object without the fields that were not given. */
function given<T extends Record<string, unknown>>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
