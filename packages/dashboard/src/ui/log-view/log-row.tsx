/** One line of a log. Drawn anew only when something of it changed, as hundreds of them pass while scrolling. */
import { IconAlertTriangleFilled, IconCircleXFilled } from '@tabler/icons-react';
import { type CSSProperties, memo } from 'react';
import { logs as texts } from '../../texts/logs.ts';
import { type AnsiStyle, paletteColour } from './ansi.ts';
import { type Piece, shownLine } from './line-text.ts';
import css from './log-view.module.css';
import type { LogLine } from './log-window.ts';

export type LogClock = 'time' | 'date' | 'utc';

export type LogRowProps = {
  line: LogLine;
  /** Pixels from the top of the other rows, for a row that is not among them; null for those that follow each other. */
  apart: number | null;
  clock: LogClock;
  href: string;
  pattern: RegExp | null;
  /** Begins another release or the output of another build: what to call it. */
  chip: string | null;
  showsServer: boolean;
  isLinked: boolean;
};

/** Of few elements, in one line of text: dozens of rows are made and dropped for each turn of a wheel. */
export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { line, apart, clock, href, pattern, chip, showsServer, isLinked } = props;
  const { pieces, is_cut } = shownLine(line.text, pattern);
  return (
    <div
      className={css.row}
      data-cursor={line.cursor}
      data-at={line.at}
      data-level={line.level ?? undefined}
      data-linked={isLinked || undefined}
      style={apart === null ? undefined : { position: 'absolute', top: apart, left: 0, right: 0 }}
    >
      <a className={css.time} href={href} tabIndex={-1} data-link>
        {clockText(line.at, clock)}
      </a>
      {showsServer && (
        <span className={css.server} title={line.server}>
          {line.server}
        </span>
      )}
      {(line.level === 'error' || line.level === 'warn') && <Level level={line.level} />}
      {chip !== null && <span className={css.chip}>{chip}</span>}
      {is_cut && (
        <button type="button" className={css.whole} data-whole tabIndex={-1}>
          {texts.showWhole}
        </button>
      )}
      <span className={css.text} data-text>
        {pieces.map((piece, index) => (
          <PieceText key={index} piece={piece} />
        ))}
      </span>
      {is_cut && '…'}
    </div>
  );
});

function Level({ level }: { level: 'error' | 'warn' }) {
  const Icon = level === 'error' ? IconCircleXFilled : IconAlertTriangleFilled;
  return (
    <span className={css.level}>
      <Icon size={11} aria-hidden="true" />
      <span className="visually-hidden">{texts.levelWords[level]}</span>
    </span>
  );
}

function PieceText({ piece: { text, style, is_hit } }: { piece: Piece }) {
  const styled = style ? (
    <span className={classesOf(style)} style={coloursOf(style)}>
      {text}
    </span>
  ) : (
    text
  );
  return is_hit ? <mark className={css.hit}>{styled}</mark> : styled;
}

const flagClasses = ['bold', 'dim', 'italic', 'underline', 'strike', 'inverse'] as const;

function classesOf(style: AnsiStyle): string {
  const classes = flagClasses.filter((flag) => style[flag]).map((flag) => css[flag]);
  return [css.coloured, style.bg === undefined ? '' : css.ground, ...classes].join(' ');
}

/** The sixteen colours are the theme's; others lean towards the colour of text, so that more of them can be read on its ground. */
function coloursOf({ fg, bg }: AnsiStyle): CSSProperties {
  const own = (colour: number | string) => (typeof colour === 'string' ? colour : paletteColour(colour));
  const isOfTheme = (colour: number | string) => typeof colour === 'number' && colour < 16;
  const style: Record<string, string> = {};
  if (fg !== undefined) {
    style['--fg'] = isOfTheme(fg) ? `var(--ansi-${fg})` : `color-mix(in srgb, ${own(fg)} 60%, var(--ms-text))`;
  }
  if (bg !== undefined) style['--bg'] = isOfTheme(bg) ? `var(--ansi-${bg})` : own(bg);
  return style;
}

const two = (value: number) => String(value).padStart(2, '0');

/** A moment to the millisecond, in a fixed number of characters. */
export function clockText(at: number, clock: LogClock): string {
  const date = new Date(at);
  if (clock === 'utc') return date.toISOString();
  const millis = String(date.getMilliseconds()).padStart(3, '0');
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
  return clock === 'time' ? time : `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

/** Characters of a moment in each form. */
export const clockColumns = { time: 12, date: 23, utc: 24 } as const satisfies Record<LogClock, number>;
