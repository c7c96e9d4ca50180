/** What tables of nouns have in common. */
import type { Colour, Paint } from './terminal/paint.ts';
import { type Cell, type Column, tableLines } from './terminal/table.ts';
import { safeText } from './terminal/text.ts';

export type ViewOptions = { paint: Paint; width: number | null; now: number; raw?: boolean };

/** A table, or what is said where there is nothing. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: ViewOptions,
  none: string,
): string[] {
  return rows.length === 0 ? [none] : tableLines(columns, rows, options);
}

/** A line below a table about one of its rows. */
export function remark(place: string, text: string, { paint }: ViewOptions): string {
  const [first = '', ...rest] = text.split('\n');
  return `  ${paint('yellow', '!')} ${safeText(place)}: ${safeText(first)}${rest.length > 0 ? ' …' : ''}`;
}

const colourOfState: Record<string, Colour> = {
  ok: 'green',
  healthy: 'green',
  running: 'green',
  online: 'green',
  succeeded: 'green',
  deploying: 'cyan',
  building: 'cyan',
  starting: 'cyan',
  pending: 'cyan',
  invited: 'cyan',
  degraded: 'yellow',
  unhealthy: 'red',
  crash_looping: 'red',
  failed: 'red',
  denied: 'red',
  offline: 'red',
  waiting: 'yellow',
  paused: 'yellow',
  retrying: 'yellow',
  rejected: 'red',
  expired: 'red',
  stuck: 'red',
  undo_failed: 'red',
  compensating: 'yellow',
  compensated: 'yellow',
  undoing: 'yellow',
  admitted: 'green',
  revoked: 'red',
};

/** A state with the colour of what it means. */
export function coloured(state: string): Cell {
  const colour = colourOfState[state];
  const text = state.replaceAll('_', ' ');
  return colour ? { text, colour } : text;
}
