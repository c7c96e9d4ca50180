/** One line of a log. Drawn anew only when something of it changed, as hundreds of them pass while scrolling. */
import { IconAlertTriangleFilled, IconCircleXFilled } from '@tabler/icons-react';
import { type CSSProperties, memo } from 'react';
import { logs as texts } from '../../texts/logs.ts';
import { absoluteTime } from '../time.tsx';
import { type AnsiStyle, paletteColour } from './ansi.ts';
import { type Piece, shownLine } from './line-text.ts';
import css from './log-view.module.css';
import type { LogLine } from './log-window.ts';

export type LogClock = 'time' | 'date' | 'utc';

export type LogRowProps = {
  line: LogLine;
  /** Pixels from the top of the canvas. */
  top: number;
  clock: LogClock;
  href: string;
  pattern: RegExp | null;
  /** Begins another release or the output of another build: what to call it. */
  chip: string | null;
  showsServer: boolean;
  isLinked: boolean;
};

export const LogRow = memo(function LogRow(props: LogRowProps) {
  const { line, top, clock, href, pattern, chip, showsServer, isLinked } = props;
  const { pieces, is_cut } = shownLine(line.text, pattern);
  return (
    <div
      className={css.row}
      style={{ top }}
      data-cursor={line.cursor}
      data-level={line.level ?? undefined}
      data-linked={isLinked || undefined}
    >
      <span className={css.gutter}>
        <a className={css.time} href={href} tabIndex={-1} title={absoluteTime(line.at)} data-link>
          {clockText(line.at, clock)}
        </a>
        {showsServer && (
          <span className={css.server} title={line.server}>
            {line.server}
          </span>
        )}
        <span className={css.level}>
          {line.level === 'error' && <IconCircleXFilled size={11} aria-hidden="true" />}
          {line.level === 'warn' && <IconAlertTriangleFilled size={11} aria-hidden="true" />}
          {(line.level === 'error' || line.level === 'warn') && (
            <span className="visually-hidden">{texts.levelWords[line.level]}</span>
          )}
        </span>
      </span>
      <span className={css.text}>
        {chip !== null && <span className={css.chip}>{chip}</span>}
        <bdi dir="ltr" data-text>
          {pieces.map((piece, index) => (
            <PieceText key={index} piece={piece} />
          ))}
        </bdi>
        {is_cut && (
          <button type="button" className={css.whole} data-whole>
            … {texts.showWhole}
          </button>
        )}
      </span>
    </div>
  );
});

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

/** The sixteen colours are the theme's, so that they can be read on its ground; others are as the program chose them. */
function coloursOf({ fg, bg }: AnsiStyle): CSSProperties {
  const own = (colour: number | string) =>
    typeof colour === 'string' ? colour : colour < 16 ? `var(--ansi-${colour})` : paletteColour(colour);
  const style: Record<string, string> = {};
  if (fg !== undefined) style['--fg'] = own(fg);
  if (bg !== undefined) style['--bg'] = own(bg);
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
