import { expect, it } from 'vitest';
import { noPaint } from './paint.ts';
import { type Column, tableLines } from './table.ts';
import { displayWidth } from './text.ts';

const columns: Column[] = [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'WHAT', flexible: true }];

it('columns are aligned, numbers to the right', () => {
  const lines = tableLines(
    columns,
    [
      ['a', 1, 'x'],
      ['日本', 20, 'y'],
    ],
    { paint: noPaint, width: null },
  );
  expect(lines).toEqual(['NAME   N  WHAT', 'a      1  x', '日本  20  y']);
});

it('a column that is empty everywhere is left out', () => {
  expect(tableLines(columns, [['a', null, '']], { paint: noPaint, width: null })).toEqual(['NAME', 'a']);
});

it('where the terminal is narrow, flexible columns are cut and no line is wider', () => {
  const lines = tableLines(columns, [['name', 1, 'a very long text that has no room']], { paint: noPaint, width: 30 });
  for (const line of lines) expect(displayWidth(line)).toBeLessThanOrEqual(30);
  expect(lines[1]).toMatch(/…$/);
});

it('a hostile cell cannot leave its line', () => {
  const lines = tableLines(columns, [['a\nb', 1, '\u001b[2Jx']], { paint: noPaint, width: null });
  expect(lines[1]).toBe('a\\nb  1  \\x1b[2Jx');
});
