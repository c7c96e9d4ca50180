/** Colours, where there is a terminal that shows them and nobody asked for none (https://no-color.org). */
import { styleText } from 'node:util';

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'cyan' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

export const noPaint: Paint = (_, text) => text;

export const ansiPaint: Paint = (colour, text) =>
  text === '' ? '' : styleText(colour, text, { validateStream: false });

/** Whether output to this stream is to have colours. */
export function isColourful(isTTY: boolean, env: Record<string, string | undefined>): boolean {
  if (env['NO_COLOR']) return false;
  if (env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') return true;
  return isTTY && env['TERM'] !== 'dumb';
}
