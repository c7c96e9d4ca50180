/** What happened lately, newest first. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { element, time } from '../element.ts';
import { statusMark } from '../status-mark.ts';
import type { Status } from '../words.ts';

export function eventList(events: EventView[]): HTMLElement {
  if (events.length === 0) return element('p', { class: 'quiet' }, 'Nothing has happened yet.');
  return element('ol', { class: 'events' }, ...events.toReversed().map(eventView));
}

function eventView(event: EventView): HTMLElement {
  const where = [event.stack, event.service, event.server === null ? null : `on ${event.server}`].filter(Boolean);
  return element(
    'li',
    { 'data-severity': event.severity },
    time(event.at),
    statusMark(severityStatus(event.severity)),
    element('span', { class: 'what' }, event.message),
    element('span', { class: 'quiet' }, [event.kind, ...where].join(' · ')),
  );
}

function severityStatus(severity: EventView['severity']): Status {
  switch (severity) {
    case 'info':
      return { tone: 'idle', word: 'Info' };
    case 'notice':
      return { tone: 'good', word: 'Notice' };
    case 'warning':
      return { tone: 'warning', word: 'Warning' };
    case 'error':
      return { tone: 'bad', word: 'Error' };
  }
}
