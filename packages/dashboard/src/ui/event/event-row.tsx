/** One event as a line: when, what, where; a click anywhere on it shows all that it holds. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { IconChevronRight } from '@tabler/icons-react';
import { memo, type ReactNode } from 'react';
import { events as texts } from '../../texts/events.ts';
import { Foreign } from '../foreign.tsx';
import { StatusMark } from '../status-mark.tsx';
import { Time } from '../time.tsx';
import css from './event.module.css';
import { EventPlace } from './event-place.tsx';
import { eventTone, firstLine } from './event-words.ts';

export type EventRowProps = {
  event: EventView;
  /** Time of day, or an age where days are not told apart. */
  time?: 'clock' | 'ago';
  /** How many events like it the line stands for. */
  count?: number;
  isOpen: boolean;
  onToggle(event: EventView): void;
  /** What every line is about, and need not be told. */
  without?: 'stack' | 'server';
  /** Shown below the line while it is open. */
  children?: ReactNode;
};

export const EventRow = memo(function EventRow(props: EventRowProps) {
  const { event, time = 'clock', count = 1, isOpen, onToggle, without, children } = props;
  return (
    <div className={css.row} data-open={isOpen || undefined}>
      <div className={css.line} data-time={time}>
        <span className={css.time}>
          <Time at={event.at} form={time} />
        </span>
        <StatusMark tone={eventTone(event)} word={texts.severities[event.severity]} form="icon" />
        <button type="button" className={css.toggle} aria-expanded={isOpen} onClick={() => onToggle(event)}>
          <span className={css.kind}>{texts.kinds[event.kind] ?? event.kind}</span>
          <Foreign text={firstLine(event.message)} chars_max={400} className={css.text} title />
        </button>
        {count > 1 && (
          <span className={css.count}>
            {texts.times(count)}
            {time === 'clock' && (
              <span className={css.last}>
                {' '}
                {texts.lastAt} <Time at={event.at} />
              </span>
            )}
          </span>
        )}
        <EventPlace event={event} {...(without ? { without } : {})} />
        <IconChevronRight size={15} className={css.chevron} aria-hidden="true" />
      </div>
      {isOpen && children}
    </div>
  );
});
