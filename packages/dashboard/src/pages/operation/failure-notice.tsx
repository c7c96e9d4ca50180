/** Why an operation failed, in the words of who saw it, and what to do next. */
import type { OperationView } from '@mainstay/contract/operation';
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useMay } from '../../api/may.ts';
import { operation } from '../../texts/operation.ts';
import { visible } from '../../ui/foreign.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { canRollBack, type FailedService } from './next-steps.ts';
import css from './operation.module.css';

const texts = operation.failed;

/** More services than that fail for one reason; the events below name them all. */
const services_shown_max = 4;

export type FailureNoticeProps = { operation: OperationView; failed: readonly FailedService[] };

export function FailureNotice({ operation, failed }: FailureNoticeProps) {
  const { state, message, hint, stack } = operation;
  const isDenied = state === 'denied';
  return (
    <section className={css.failure} data-tone={isDenied ? 'warning' : 'bad'}>
      <h2>
        <StatusMark tone={isDenied ? 'warning' : 'bad'} word={isDenied ? texts.deniedTitle : texts.failedTitle} />
      </h2>
      {message !== null && (
        <pre className="printed" dir="auto">
          {visible(message, 8_000)}
        </pre>
      )}
      {hint !== null && <p>{visible(hint)}</p>}
      {!isDenied && stack !== null && <p className="quiet">{texts.keeps}</p>}
      {stack !== null && (
        <nav className={css.next} aria-label={texts.next}>
          {failed.slice(0, services_shown_max).map((entry) => (
            <Button
              key={entry.service}
              size="xs"
              variant="default"
              renderRoot={(props) => (
                <Link
                  to="/stacks/$stack/services/$service"
                  params={{ stack, service: entry.service }}
                  search={{
                    tab: 'logs',
                    server: entry.server ?? undefined,
                    release: entry.release_id ?? undefined,
                    stream: entry.inBuild ? 'build' : undefined,
                  }}
                  {...props}
                />
              )}
            >
              {entry.inBuild ? texts.buildLog(entry.service) : texts.logs(entry.service)}
            </Button>
          ))}
          {canRollBack(operation) && <StackButton stack={stack} act="rollback" word={texts.rollback(stack)} />}
          {!isDenied && operation.operation !== 'stacks.remove' && (
            <StackButton stack={stack} act="deploy" word={texts.again(stack)} />
          )}
          {isDenied && <StackButton stack={stack} word={texts.openStack(stack)} />}
        </nav>
      )}
    </section>
  );
}

/** Opens the plan of a change on the page of its stack; nothing happens before it is confirmed there. */
function StackButton({ stack, act, word }: { stack: string; act?: 'rollback' | 'deploy'; word: string }) {
  const may = useMay();
  if (act !== undefined && !may('stacks:deploy')) return null;
  return (
    <Button
      size="xs"
      variant="default"
      renderRoot={(props) => <Link to="/stacks/$stack" params={{ stack }} search={{ act }} {...props} />}
    >
      {word}
    </Button>
  );
}
