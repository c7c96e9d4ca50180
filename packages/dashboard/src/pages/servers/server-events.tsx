/** The newest events of a server. */
import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { servers } from '../../texts/servers.ts';
import { EventList } from '../../ui/event/event-list.tsx';
import { EmptyState, Fetched, Rows, Section } from '../../ui/page.tsx';

const texts = servers.events;
const shown_max = 50;

export function ServerEvents({ server }: { server: string }) {
  const query = useRead('events.list', { server, limit: shown_max });
  return (
    <Section flush>
      <Fetched query={query} skeleton={<Rows count={8} height={36} />}>
        {({ events }) =>
          events.length === 0 ? (
            <EmptyState title={texts.none}>{texts.noneText}</EmptyState>
          ) : (
            <>
              <EventList events={events.toReversed()} label={texts.tableName(server)} without="server" />
              <p>
                <Button
                  variant="subtle"
                  size="xs"
                  m="xs"
                  renderRoot={(props) => <Link to="/events" search={{ server }} {...props} />}
                >
                  {texts.all}
                </Button>
              </p>
            </>
          )
        }
      </Fetched>
    </Section>
  );
}
