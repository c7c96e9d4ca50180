/** All that an event holds: the whole message, its facts, the last lines before it, and links to its cause and effect. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { Link } from '@tanstack/react-router';
import { events as texts } from '../../texts/events.ts';
import { CopyButton } from '../copy-button.tsx';
import { Foreign, visible } from '../foreign.tsx';
import { TextScroller } from '../scroller.tsx';
import { absoluteTime, timeOfDay } from '../time.tsx';
import { duration } from '../words.ts';
import css from './event.module.css';
import { type Fact, factsOf, firstLine, lastLinesOf } from './event-words.ts';

/** Before and after an event, when one looks at what else happened then. */
const around_ms = 5 * 60_000;

export function EventDetails({ event }: { event: EventView }) {
  const lines = lastLinesOf(event.data);
  const facts = factsOf(event.data);
  return (
    <div className={css.details}>
      {firstLine(event.message) !== event.message && (
        <pre className={css.message} dir="auto">
          {visible(event.message, 8_000)}
        </pre>
      )}
      <dl className={css.facts}>
        <FactRow name="at">{absoluteTime(event.at)}</FactRow>
        {event.actor !== null && (
          <FactRow name="actor">
            <Foreign text={event.actor} />
          </FactRow>
        )}
        {event.release_id !== null && (
          <FactRow name="release_id">
            <span className="mono">{event.release_id}</span> <CopyButton text={event.release_id} />
          </FactRow>
        )}
        {facts.map((fact) => (
          <FactRow key={fact.name} name={fact.name}>
            <FactValue fact={fact} />
          </FactRow>
        ))}
      </dl>
      {lines.length > 0 && (
        <figure className={css.printed}>
          <figcaption>
            {texts.lastLines}
            <CopyButton text={lines.map((line) => line.text).join('\n')} />
          </figcaption>
          <TextScroller className="printed">
            {lines.map((line, index) => (
              <div key={`${line.at} ${index}`} data-stream={line.stream}>
                <span className="quiet">{timeOfDay(line.at)}</span> {visible(line.text)}
              </div>
            ))}
          </TextScroller>
        </figure>
      )}
      <EventLinks event={event} />
    </div>
  );
}

function FactRow({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Moments and durations as people read them, by the ending of the name; the rest as it is. */
function FactValue({ fact: { name, value } }: { fact: Fact }) {
  if (typeof value === 'number' && name.endsWith('_at')) return absoluteTime(value);
  if (typeof value === 'number' && name.endsWith('_ms')) return value < 1_000 ? `${value} ms` : duration(value);
  if (typeof value === 'object') {
    return <pre className={css.json}>{visible(JSON.stringify(value, null, 2), 20_000)}</pre>;
  }
  return <Foreign text={String(value)} />;
}

/** From an event to what caused it and what came of it. */
function EventLinks({ event: { at, kind, operation_id, release_id, stack, service, server } }: { event: EventView }) {
  return (
    <p className={css.links}>
      {operation_id !== null && (
        <Link to="/operations/$id" params={{ id: operation_id }}>
          {texts.links.operation}
        </Link>
      )}
      {stack !== null && service !== null && release_id !== null && (
        <Link to="/stacks/$stack/services/$service" params={{ stack, service }} search={{ tab: 'releases' }}>
          {texts.links.release}
        </Link>
      )}
      {stack !== null && service !== null && (
        <Link
          to="/stacks/$stack/services/$service"
          params={{ stack, service }}
          search={{ tab: 'logs', at, server: server ?? undefined }}
        >
          {texts.links.logs}
        </Link>
      )}
      <Link to="/events" search={{ kind, stack: stack ?? undefined, server: server ?? undefined }}>
        {texts.links.alike}
      </Link>
      <Link to="/events" search={{ from: at - around_ms, to: at + around_ms }}>
        {texts.links.around}
      </Link>
    </p>
  );
}
