/** A short list of events, each with its details on a click. The page of events has its own, for many. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { Button } from '@mantine/core';
import { useCallback, useState } from 'react';
import { events as texts } from '../../texts/events.ts';
import { duration } from '../words.ts';
import css from './event.module.css';
import { EventDetails } from './event-details.tsx';
import { EventRow, type EventRowProps } from './event-row.tsx';
import { groupsOf } from './grouping.ts';

export type EventListProps = {
  events: readonly EventView[];
  label: string;
  /** Repetitions are one line; then the newest must come first. */
  grouped?: boolean;
  /** Lines beyond it are left out. */
  lines_max?: number;
} & Pick<EventRowProps, 'time' | 'without'>;

export function EventList(props: EventListProps) {
  const { events, label, grouped = false, lines_max, time = 'ago', without } = props;
  const [open, setOpen] = useState<string | null>(null);
  const groups = grouped ? groupsOf(events) : events.map((event) => ({ key: event.id, events: [event] }));
  return (
    <ul className={css.list} aria-label={label}>
      {groups.slice(0, lines_max).map((group) => (
        <li key={group.key}>
          <Line
            events={group.events}
            lineKey={group.key}
            isOpen={open === group.key}
            setOpen={setOpen}
            time={time}
            {...(without ? { without } : {})}
          />
        </li>
      ))}
    </ul>
  );
}

type LineProps = {
  events: readonly EventView[];
  lineKey: string;
  isOpen: boolean;
  setOpen(key: string | null): void;
} & Pick<EventRowProps, 'time' | 'without'>;

function Line({ events, lineKey, isOpen, setOpen, ...rest }: LineProps) {
  const toggle = useCallback(() => setOpen(isOpen ? null : lineKey), [isOpen, lineKey, setOpen]);
  const newest = events[0]!;
  return (
    <EventRow event={newest} count={events.length} isOpen={isOpen} onToggle={toggle} {...rest}>
      <LineDetails events={events} />
    </EventRow>
  );
}

/** What a line stands for: all of an event, or each of its repetitions. */
export function LineDetails({ events }: { events: readonly EventView[] }) {
  return events.length === 1 ? <EventDetails event={events[0]!} /> : <Repetitions events={events} />;
}

const step = 20;

/** How often within which time, and each of them. */
function Repetitions({ events }: { events: readonly EventView[] }) {
  const [shown, setShown] = useState(step);
  const span = Math.abs((events[0]?.at ?? 0) - (events.at(-1)?.at ?? 0));
  const more = Math.min(step, events.length - shown);
  return (
    <div className={css.group}>
      <p className="quiet">{texts.repeated(events.length, duration(span))}</p>
      <div className={css.members}>
        <EventList events={events.slice(0, shown)} label={texts.eachOne} time="clock" />
      </div>
      {more > 0 && (
        <Button variant="subtle" size="compact-sm" onClick={() => setShown(shown + step)}>
          {texts.moreOfGroup(more)}
        </Button>
      )}
    </div>
  );
}
