/** A short list of events, newest first, each with its details on a click. The page of events has its own, for many. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { useCallback, useState } from 'react';
import css from './event.module.css';
import { EventDetails } from './event-details.tsx';
import { EventRow, type EventRowProps } from './event-row.tsx';

export type EventListProps = { events: readonly EventView[]; label: string } & Pick<EventRowProps, 'time' | 'without'>;

export function EventList({ events, label, time = 'ago', without }: EventListProps) {
  const [open, setOpen] = useState<string | null>(null);
  const toggle = useCallback(({ id }: EventView) => setOpen((shown) => (shown === id ? null : id)), []);
  return (
    <ul className={css.list} aria-label={label}>
      {events.map((event) => (
        <li key={event.id}>
          <EventRow
            event={event}
            time={time}
            isOpen={open === event.id}
            onToggle={toggle}
            {...(without ? { without } : {})}
          >
            <EventDetails event={event} />
          </EventRow>
        </li>
      ))}
    </ul>
  );
}
