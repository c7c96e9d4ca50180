/**
 * A stream of events as people can read it: a line where the day changes, and one line for what repeats itself, such as a
 * health check that fails again and again. The same events give the same lines, however they came.
 */
import type { EventView } from '@mainstay/contract/operations/watch';

export type DayLine = { type: 'day'; key: string; at: number };
/** Newest first; never empty. */
export type GroupLine = { type: 'group'; key: string; events: EventView[] };
export type TimelineLine = DayLine | GroupLine;

/** A pause longer than this ends a group: what happens again after it is news. */
export const group_gap_ms = 30 * 60_000;
/** Repetitions are looked for among so many groups before, so that two services that crash in turn are two lines. */
const open_groups_max = 8;
/** Clocks of servers differ; an event this near to midnight begins no day. */
const midnight_slack_ms = 60_000;

export type Grouping = {
  /** Grows, and its last groups with it; never made anew. */
  lines: readonly TimelineLine[];
  /** Adds events that are older than all before; newest first. What was grouped before is not looked at again. */
  append(events: readonly EventView[]): void;
};

export function createGrouping(): Grouping {
  const lines: TimelineLine[] = [];
  const days = new Map<number, number>();
  let open = new Map<string, GroupLine>();
  let day_start = Number.POSITIVE_INFINITY;
  let day_end = Number.NEGATIVE_INFINITY;

  const add = (event: EventView) => {
    if (event.at < day_start - midnight_slack_ms || event.at >= day_end + midnight_slack_ms) {
      [day_start, day_end] = dayOf(event.at);
      const times = (days.get(day_start) ?? 0) + 1;
      days.set(day_start, times);
      lines.push({ type: 'day', key: `day ${day_start} ${times}`, at: event.at });
      open = new Map();
    }
    const key = sameness(event);
    const group = open.get(key);
    if (group && Math.abs(group.events.at(-1)!.at - event.at) <= group_gap_ms) {
      group.events.push(event);
      // The oldest names the line, so that it stays the same one when it happens again.
      group.key = event.id;
      return;
    }
    const started: GroupLine = { type: 'group', key: event.id, events: [event] };
    lines.push(started);
    open.delete(key);
    open.set(key, started);
    if (open.size > open_groups_max) open.delete(open.keys().next().value!);
  };
  return { lines, append: (events) => events.forEach(add) };
}

/** @param events Newest first. */
export function timelineLines(events: readonly EventView[]): readonly TimelineLine[] {
  const grouping = createGrouping();
  grouping.append(events);
  return grouping.lines;
}

/** The same without days, for lists that tell ages. */
export function groupsOf(events: readonly EventView[]): GroupLine[] {
  return timelineLines(events).filter((line) => line.type === 'group');
}

/**
 * What two events have in common when one repeats the other: everything but when, and the figures in the message. Another
 * release or another operation is no repetition, however alike the words are.
 */
export function sameness(event: EventView): string {
  const { kind, severity, stack, server, service, actor, release_id, operation_id, message } = event;
  const shape = message.slice(0, 200).replace(/[0-9a-f]*\d[0-9a-f]*/gi, '#');
  // What concerns no stack, such as a sign-in link, is the same thing each time.
  const operation = stack === null ? null : operation_id;
  return [kind, severity, stack, server, service, actor, release_id, operation, shape].join('\n');
}

function dayOf(at: number): [start: number, end: number] {
  const date = new Date(at);
  const start = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
  return [start, new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime()];
}
