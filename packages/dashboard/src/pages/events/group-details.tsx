/** What a line of repetitions stands for: how often within which time, and each of them. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { events as texts } from '../../texts/events.ts';
import { EventList } from '../../ui/event/event-list.tsx';
import { duration } from '../../ui/words.ts';
import css from './events.module.css';

const step = 20;

/** @param props.events Newest first. */
export function GroupDetails({ events }: { events: readonly EventView[] }) {
  const [shown, setShown] = useState(step);
  const span = (events[0]?.at ?? 0) - (events.at(-1)?.at ?? 0);
  const more = Math.min(step, events.length - shown);
  return (
    <div className={css.group}>
      <p className="quiet">{texts.repeated(events.length, duration(Math.abs(span)))}</p>
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
