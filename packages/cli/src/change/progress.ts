/**
 * Progress of an operation on stderr: a line per event, and on a terminal a last line that is alive. Nothing of it is
 * part of the result.
 */
import type { OperationView } from '@mainstay/contract/operation';
import type { EventView } from '@mainstay/contract/operations/watch';
import type { Terminal } from '../terminal/terminal.ts';
import { safeText, truncate } from '../terminal/text.ts';
import { clockText, durationText } from '../terminal/time.ts';

export type Progress = {
  event(event: EventView): void;
  state(operation: OperationView): void;
  /** A line of its own, for what is no event. */
  line(text: string): void;
  end(): void;
};

const frames = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const frame_ms = 100;

export const quietProgress: Progress = { event() {}, state() {}, line() {}, end() {} };

export function createProgress(terminal: Terminal): Progress {
  const { err } = terminal;
  const started = terminal.now();
  let status = '';
  let frame = 0;
  const erase = () => err.write('\r\x1b[2K');
  const draw = () => {
    const text = `${frames[frame % frames.length]} ${durationText(terminal.now() - started)}  ${status}`;
    erase();
    err.write(truncate(text, (err.columns ?? 80) - 1));
  };
  const timer = err.isTTY
    ? setInterval(() => {
        frame += 1;
        draw();
      }, frame_ms)
    : null;
  timer?.unref();
  const line = (text: string) => {
    if (timer) erase();
    err.write(`${text}\n`);
    if (timer) draw();
  };
  return {
    event(event) {
      // How it ended is said once, and in full, when it has.
      if (event.kind === 'operation.succeeded' || event.kind === 'operation.failed') return;
      status = `${placeOf(event)}${safeText(event.message.split('\n')[0] ?? '')}`;
      line(`  ${eventLine(event, err.paint, clockText)}`);
    },
    state({ targets }) {
      const open = targets.filter((target) => target.state === 'waiting' || target.state === 'running');
      if (status === '' && open.length > 0) status = `waiting for ${open.map((target) => target.server).join(', ')}`;
    },
    line,
    end() {
      if (!timer) return;
      clearInterval(timer);
      erase();
    },
  };
}

/** One line of an event: when, where, what. */
export function eventLine(event: EventView, paint: Terminal['out']['paint'], timeText: (at: number) => string): string {
  const [first = '', ...rest] = event.message.split('\n');
  const more = rest.length > 0 ? ' …' : '';
  const text = `${safeText(first)}${more}`;
  const colour = event.severity === 'error' ? 'red' : event.severity === 'warning' ? 'yellow' : null;
  return `${paint('dim', timeText(event.at))}  ${paint('cyan', placeOf(event))}${colour ? paint(colour, text) : text}`;
}

function placeOf(event: EventView): string {
  const place = [event.server ?? (event.service ? event.stack : null), event.service].filter(Boolean).join('/');
  return place === '' ? '' : `${safeText(place)}  `;
}
