/** What happened in a run, oldest first: of all steps, or of the one that is looked at. It follows as it goes on. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { runs as texts } from '../../texts/runs.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { Fetched, Rows, Section } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';
import css from './runs.module.css';

const page_size = 500;

export type RunLogProps = { run: string; step: string | undefined; every_ms: number | undefined };

export function RunLog({ run, step, every_ms }: RunLogProps) {
  return (
    <Section
      title={texts.log.title}
      flush
      aside={
        step !== undefined && (
          <span className={css.quiet}>
            {texts.ofStep(step)}{' '}
            <Link
              to="/runs/$id"
              params={{ id: run }}
              search={(old: Record<string, unknown>) => ({ ...old, step: undefined })}
              resetScroll={false}
            >
              {texts.allSteps}
            </Link>
          </span>
        )
      }
    >
      <LogPage key={step} run={run} step={step} every_ms={every_ms} after={0} />
    </Section>
  );
}

function LogPage({ run, step, every_ms, after }: RunLogProps & { after: number }) {
  const [isMore, setMore] = useState(false);
  const query = useRead(
    'runs.events',
    { id: run, after, limit: page_size, ...(step === undefined ? {} : { step }) },
    every_ms === undefined ? {} : { every_ms },
  );
  return (
    <Fetched
      query={query}
      skeleton={
        <div className={css.skeleton}>
          <Rows count={4} height={32} />
        </div>
      }
    >
      {({ events, next }) => (
        <>
          {events.length === 0 && after === 0 && <p className={css.note}>{texts.log.none}</p>}
          <ol className={css.log}>
            {events.map(({ cursor, at, step, kind, message }) => (
              <li key={cursor} data-kind={kind}>
                <span className={css.quiet}>
                  <Time at={at} form="clock" />
                </span>
                <span className={css.logStep}>{step ?? texts.run}</span>
                <span className={css.message}>
                  <span className={css.quiet}>{kind}</span> <Foreign text={message} chars_max={8_000} />
                </span>
              </li>
            ))}
          </ol>
          {events.length === page_size && !isMore && (
            <div className={css.more}>
              <Button variant="default" size="xs" onClick={() => setMore(true)}>
                {texts.log.more}
              </Button>
            </div>
          )}
          {isMore && <LogPage run={run} step={step} every_ms={every_ms} after={next} />}
        </>
      )}
    </Fetched>
  );
}
