/** The timeline as lines: days, events and their groups. Only those on the screen are in the document, however many there are. */
import type { EventView } from '@mainstay/contract/operations/watch';
import { Loader } from '@mantine/core';
import { useWindowVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { useCallback, useDeferredValue, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { events as texts } from '../../texts/events.ts';
import { LineDetails } from '../../ui/event/event-list.tsx';
import { EventRow } from '../../ui/event/event-row.tsx';
import type { GroupLine, TimelineLine } from '../../ui/event/grouping.ts';
import css from './events.module.css';
import { dayName } from './moments.ts';
import type { Timeline, TimelineState } from './timeline.ts';

/** As many as the control plane keeps. */
const kept_max = (100_000).toLocaleString('en');
const line_px = 37;
const day_px = 44;
/** Nearer to the end than so many lines, older events are fetched. */
const ahead_lines = 40;
/** Scrolled further than this, somebody is reading. */
const reading_px = 120;
/** Made beside what the screen shows, once that is drawn. */
const beside_lines = 12;

/** Where the list began last time. Beginning with it, the way back draws the lines once. */
let last_offset = 0;

/**
 * The height that the browser tells after it has laid a line out. A line that was just made keeps the height that was expected:
 * asking for it there and then would have the whole page laid out once more for every step of the wheel.
 */
function measuredSize(
  element: Element,
  entry: ResizeObserverEntry | undefined,
  instance: Virtualizer<Window, Element>,
): number {
  const size = entry?.borderBoxSize[0]?.blockSize;
  if (size !== undefined) return Math.round(size);
  const index = instance.indexFromElement(element);
  return instance.measurementsCache[index]?.size ?? instance.options.estimateSize(index);
}

export type TimelineViewProps = { state: TimelineState; timeline: Timeline; lines: readonly TimelineLine[] };

export function TimelineView({ state, timeline, lines }: TimelineViewProps) {
  const list = useRef<HTMLUListElement>(null);
  const [offset, setOffset] = useState(last_offset);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  // While these stay the same, what was measured is not gone through again.
  const estimateSize = useCallback((index: number) => (lines[index]?.type === 'day' ? day_px : line_px), [lines]);
  const getItemKey = useCallback((index: number) => lines[index]?.key ?? index, [lines]);
  const virtual = useWindowVirtualizer({
    count: lines.length,
    estimateSize,
    getItemKey,
    overscan: useDeferredValue(beside_lines, 0),
    scrollMargin: offset,
    measureElement: measuredSize,
  });
  useLayoutEffect(() => {
    const measure = () => {
      last_offset = list.current ? list.current.getBoundingClientRect().top + scrollY : 0;
      setOffset(last_offset);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(document.body);
    return () => observer.disconnect();
  }, []);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  const isReading = open.size > 0 || (virtual.scrollOffset ?? 0) > reading_px;
  useEffect(() => timeline.setReading(isReading), [isReading, timeline]);
  const isWanted = last > lines.length - ahead_lines && state.has_older && !state.is_fetching_older && !state.error;
  useEffect(() => {
    if (isWanted) void timeline.fetchOlder();
  }, [isWanted, timeline]);
  const toggle = useCallback(({ id }: EventView) => setOpen((shown) => toggled(shown, id)), []);
  const showWaiting = () => {
    timeline.showWaiting();
    setOpen(new Set());
    scrollTo({ top: 0 });
  };
  return (
    <>
      {state.waiting.length > 0 && (
        <div className={css.pillPlace}>
          <button
            type="button"
            className={css.pill}
            onClick={showWaiting}
            aria-label={texts.freshLabel(state.waiting.length)}
          >
            {texts.fresh(state.waiting.length)}
          </button>
        </div>
      )}
      <ul ref={list} className={css.lines} style={{ height: virtual.getTotalSize() }} aria-label={texts.title}>
        {items.map((item) => {
          const line = lines[item.index];
          if (!line) return null;
          return (
            <li
              key={item.key}
              ref={virtual.measureElement}
              data-index={item.index}
              className={css.item}
              style={{ transform: `translateY(${item.start - offset}px)` }}
            >
              {line.type === 'day' ? (
                <h2 className={css.day}>{dayName(line.at, Date.now())}</h2>
              ) : (
                <GroupRow line={line} open={open} onToggle={toggle} />
              )}
            </li>
          );
        })}
      </ul>
      <p className={css.end} role="status">
        {state.is_fetching_older ? (
          <>
            <Loader size={14} aria-hidden="true" /> {texts.loadingOlder}
          </>
        ) : (
          !state.has_older && texts.beginning(kept_max)
        )}
      </p>
    </>
  );
}

type GroupRowProps = { line: GroupLine; open: ReadonlySet<string>; onToggle(event: EventView): void };

function GroupRow({ line: { events }, open, onToggle }: GroupRowProps) {
  const newest = events[0]!;
  // A line that was opened stays open when another repetition comes to it.
  const opened = open.size === 0 ? undefined : events.find(({ id }) => open.has(id));
  const close = useCallback(() => opened && onToggle(opened), [opened, onToggle]);
  return (
    <EventRow event={newest} count={events.length} isOpen={opened !== undefined} onToggle={opened ? close : onToggle}>
      <LineDetails events={events} />
    </EventRow>
  );
}

function toggled(shown: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(shown);
  if (!next.delete(id)) next.add(id);
  return next;
}
