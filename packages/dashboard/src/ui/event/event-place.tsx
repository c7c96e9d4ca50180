/** Where an event happened, as links: the service or stack, and the server. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { Link } from '@tanstack/react-router';
import { events as texts } from '../../texts/events.ts';
import css from './event.module.css';

export type EventPlaceProps = { event: Pick<EventView, 'stack' | 'server' | 'service'>; without?: 'stack' | 'server' };

export function EventPlace({ event: { stack, server, service }, without }: EventPlaceProps) {
  const showStack = stack !== null && without !== 'stack';
  const showServer = server !== null && without !== 'server';
  return (
    <span className={css.place}>
      {stack !== null && service !== null ? (
        <Link to="/stacks/$stack/services/$service" params={{ stack, service }} title={`${stack} / ${service}`}>
          {showStack ? `${stack} / ${service}` : service}
        </Link>
      ) : (
        showStack && (
          <Link to="/stacks/$stack" params={{ stack }} title={stack}>
            {stack}
          </Link>
        )
      )}
      {showServer && (
        <>
          {(showStack || service !== null) && <span className="quiet"> {texts.on} </span>}
          <Link to="/servers/$server" params={{ server }} title={server}>
            {server}
          </Link>
        </>
      )}
    </span>
  );
}
