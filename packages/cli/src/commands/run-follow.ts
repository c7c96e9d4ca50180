/**
 * `mainstay runs follow`: the steps of a run as they go, until it ends or a person must look. What happened comes from the run's log;
 * how far its steps are, from the graph, for steps that go well log nothing.
 */
import { AppError } from '@mainstay/contract/errors';
import type { OutputOf } from '@mainstay/contract/operation';
import type { OperationById } from '@mainstay/contract/operations/index';
import type { StepView } from '@mainstay/contract/operations/runs';
import { systemClock } from '@mainstay/runtime/clock';
import { withRetries } from '../change/follow.ts';
import { timeoutOf } from '../change/run-change.ts';
import { type Cli, type CommonOptions, commonOptions, type Registration } from '../cli.ts';
import { groupCommand } from '../command-groups.ts';
import type { Connection } from '../connection.ts';
import { exitCodes } from '../exit-codes.ts';
import { runDetails, runEventLine, stepLine } from '../run-views.ts';
import { safeText } from '../terminal/text.ts';

type Shown = OutputOf<OperationById['runs.get']>;
type FollowOptions = CommonOptions & { timeout?: string };

/** How long a look waits for what is new, seconds. */
const look_seconds = 1;
const events_per_look = 1_000;

export const registerFollowRun: Registration = (program, cli) => {
  const follow = groupCommand(program, 'runs')
    .command('follow')
    .summary('Follow a run to its end')
    .description(
      'Shows the steps of a run as they go, and ends when it has, or is stuck. The exit code is 0 when it succeeded, and 1 otherwise.',
    )
    .argument('<id>', 'id of the run')
    .option('--timeout <seconds>', 'wait no longer than this; the run goes on', '3600');
  commonOptions(follow).action(
    cli.action(async (id: string, options: FollowOptions) => {
      const shown = await followRun(cli, cli.connect(options), id, options);
      if (shown === null) return exitCodes.interrupted;
      if (options.json) cli.printJson(shown);
      else {
        const { paint, columns } = cli.terminal.out;
        for (const line of runDetails(shown, { paint, width: columns, now: cli.terminal.now() })) cli.print(line);
      }
      return shown.run.state === 'succeeded' ? exitCodes.ok : exitCodes.failed;
    }),
  );
};

/** Null when a person stopped watching. */
async function followRun(cli: Cli, connection: Connection, id: string, options: FollowOptions): Promise<Shown | null> {
  const timeout_ms = timeoutOf(options);
  const interrupt = new AbortController();
  const release = cli.terminal.onInterrupt(() => interrupt.abort());
  const signal = AbortSignal.any([interrupt.signal, AbortSignal.timeout(timeout_ms)]);
  const note = (text: string) => (options.json ? undefined : cli.note(text));
  const onTrouble = (error: AppError) => note(`  ${safeText(error.message)} Trying again.`);
  const retrying = <T>(call: () => Promise<T>) => withRetries(call, { clock: systemClock, signal, onTrouble });
  const seen = new Map<string, StepView['state']>();
  try {
    for (let after = 0; ; ) {
      const asked = { id, after, limit: events_per_look, wait_seconds: look_seconds };
      const page = await retrying(() => connection.call('runs.events', asked, { signal }));
      for (const event of page.events) note(`  ${runEventLine(event, cli.terminal.err)}`);
      after = page.next;
      const shown = await retrying(() => connection.call('runs.get', { id }, { signal }));
      for (const node of shown.nodes) {
        const isNews = seen.get(node.key) !== node.state && node.state !== 'waiting' && node.state !== 'ready';
        if (isNews) note(stepLine(node, 0, [], { paint: cli.terminal.err.paint, now: cli.terminal.now() }));
        seen.set(node.key, node.state);
      }
      const isOver = shown.run.finished_at !== null || shown.run.state === 'stuck';
      if (isOver && page.events.length < events_per_look) return shown;
    }
  } catch (error) {
    if (interrupt.signal.aborted) {
      note(`Stopped watching. The run goes on; follow it with: mainstay runs follow ${id}`);
      return null;
    }
    if (!signal.aborted) throw error;
    throw new AppError('Timeout', `It has not ended within ${Math.round(timeout_ms / 1000)} s.`, {
      hint: `It goes on. Follow it with \`mainstay runs follow ${id}\`.`,
      field: 'timeout',
    });
  } finally {
    release();
  }
}
