/** Tables for people: aligned columns, cut to the width of the terminal where there is one. Cells are made safe here. */
import type { Colour, Paint } from './paint.ts';
import { displayWidth, safeText, truncate } from './text.ts';

export type Cell = string | number | null | { text: string; colour: Colour };

export type Column = {
  title: string;
  align?: 'right';
  /** The column that is made narrower first where the terminal is too small. */
  flexible?: boolean;
};

export type TableOptions = {
  paint: Paint;
  /** Columns of the terminal; null where nothing is to be cut. */
  width: number | null;
};

const gap = 2;
const flexible_width_min = 8;

/** Lines of a table, its head first. Columns that are empty in all rows are left out. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  options: TableOptions,
): string[] {
  const shown = columns.flatMap((column, at) => (rows.some((row) => textOf(row[at]) !== '') ? [{ column, at }] : []));
  const texts = rows.map((row) => shown.map(({ at }) => safeText(textOf(row[at]))));
  const widths = shown.map(({ column }, index) =>
    Math.max(displayWidth(column.title), ...texts.map((row) => displayWidth(row[index] ?? ''))),
  );
  if (options.width !== null)
    narrow(
      widths,
      shown.map(({ column }) => column),
      options.width,
    );
  const line = (cells: readonly { text: string; colour: Colour | null }[]) =>
    cells
      .map(({ text, colour }, index) => {
        const width = widths[index] ?? 0;
        const cut = options.width === null ? text : truncate(text, width);
        const space = ' '.repeat(Math.max(0, width - displayWidth(cut)));
        const painted = colour ? options.paint(colour, cut) : cut;
        if (shown[index]?.column.align === 'right') return space + painted;
        return index === cells.length - 1 ? painted : painted + space;
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [
    line(shown.map(({ column }) => ({ text: column.title, colour: 'dim' }))),
    ...texts.map((row, at) =>
      line(row.map((text, index) => ({ text, colour: colourOf(rows[at]?.[shown[index]!.at]) }))),
    ),
  ];
}

/** Takes what is too much from the flexible columns, the widest first. */
function narrow(widths: number[], columns: readonly Column[], available: number): void {
  let excess = widths.reduce((sum, width) => sum + width, 0) + gap * (widths.length - 1) - available;
  const candidates = columns.map((column, at) => ({ column, at })).filter(({ column }) => column.flexible);
  while (excess > 0) {
    const widest = candidates.sort((a, b) => widths[b.at]! - widths[a.at]!)[0];
    if (!widest || widths[widest.at]! <= flexible_width_min) return;
    widths[widest.at]! -= 1;
    excess -= 1;
  }
}

function textOf(cell: Cell | undefined): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'object' ? cell.text : String(cell);
}

function colourOf(cell: Cell | undefined): Colour | null {
  return typeof cell === 'object' && cell !== null ? cell.colour : null;
}
