/** The last calls of the webhook: whether they arrive, and whether they were believed. */
import { Link } from '@tanstack/react-router';
import { useRead } from '../../../api/queries.ts';
import { webhook as texts } from '../../../texts/stack/webhook.ts';
import { Foreign } from '../../../ui/foreign.tsx';
import { Fetched, Rows, Section } from '../../../ui/page.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { Time } from '../../../ui/time.tsx';
import css from './webhook.module.css';

const kinds = ['webhook.received', 'webhook.refused'] as const;
const shown_max = 10;

export function WebhookCalls({ stack }: { stack: string }) {
  const query = useRead('events.list', { stack, kind: [...kinds], limit: shown_max });
  return (
    <Section
      title={texts.events}
      flush
      aside={
        <Link to="/events" search={{ stack }}>
          {texts.allEvents}
        </Link>
      }
    >
      <Fetched query={query} skeleton={<Rows count={3} />}>
        {({ events }) =>
          events.length === 0 ? (
            <p className={css.none}>{texts.noEvents}</p>
          ) : (
            <ul className={css.calls}>
              {events.toReversed().map((event) => (
                <li key={event.id}>
                  <StatusMark
                    tone={event.kind === 'webhook.received' ? 'good' : 'warning'}
                    word={event.kind === 'webhook.received' ? texts.received : texts.refused}
                  />
                  <Foreign text={event.message} />
                  <Time at={event.at} />
                </li>
              ))}
            </ul>
          )
        }
      </Fetched>
    </Section>
  );
}
