/** Search parameters of this page: they are its state, so that every view can be linked. */
import { numberOf, oneOf, type RawSearch, textOf } from '../../search.ts';
import { type EventGroup, eventGroups } from './event-groups.ts';

export const eventRanges = ['15m', '1h', '24h', '7d'] as const;
export type EventRange = (typeof eventRanges)[number];

export const severitiesShown = ['notice', 'warning', 'error'] as const;

export type EventsSearch = {
  /** Kinds as people look for them. */
  about?: EventGroup | undefined;
  /** One exact kind, such as `service.crashed`. */
  kind?: string | undefined;
  /** This severity and worse. */
  severity?: (typeof severitiesShown)[number] | undefined;
  stack?: string | undefined;
  server?: string | undefined;
  service?: string | undefined;
  actor?: string | undefined;
  operation?: string | undefined;
  /** Text in the message. */
  q?: string | undefined;
  range?: EventRange | undefined;
  /** UTC milliseconds; they count where no range is given. */
  from?: number | undefined;
  to?: number | undefined;
};

export function eventsSearch(raw: RawSearch): EventsSearch {
  return {
    about: oneOf(raw['about'], Object.keys(eventGroups) as EventGroup[]),
    kind: textOf(raw['kind'], 64),
    severity: oneOf(raw['severity'], severitiesShown),
    stack: textOf(raw['stack'], 64),
    server: textOf(raw['server'], 64),
    service: textOf(raw['service'], 64),
    actor: textOf(raw['actor'], 128),
    operation: textOf(raw['operation'], 64),
    q: textOf(raw['q']),
    range: oneOf(raw['range'], eventRanges),
    from: numberOf(raw['from']),
    to: numberOf(raw['to']),
  };
}
