/** Selecting in a log of which only the visible lines exist: where a selection began, and its whole text. */
import { plainText, visibleControls } from './line-text.ts';
import { indexOfCursor, type LogLine } from './log-window.ts';

function rowOf(node: Node | null, scroller: HTMLElement): HTMLElement | null {
  const element = node instanceof HTMLElement ? node : (node?.parentElement ?? null);
  const row = element?.closest<HTMLElement>('[data-cursor]') ?? null;
  return row && scroller.contains(row) ? row : null;
}

/** Cursor of the line where a selection began, that must not go away; null when nothing is selected here. */
export function selectionRow(scroller: HTMLElement | null): number | null {
  const selection = document.getSelection();
  if (!scroller || !selection || selection.isCollapsed) return null;
  const row = rowOf(selection.anchorNode, scroller);
  return row ? Number(row.dataset['cursor']) : null;
}

/** The text of a selection over several lines, one line each, without times; null when the browser's own copy will do. */
export function selectedText(scroller: HTMLElement | null, lines: readonly LogLine[]): string | null {
  const selection = document.getSelection();
  if (!scroller || !selection || selection.isCollapsed || selection.rangeCount === 0) return null;
  const range = selection.getRangeAt(0);
  const first = rowOf(range.startContainer, scroller);
  const last = rowOf(range.endContainer, scroller);
  if (!first || !last || first === last) return null;
  const from = indexOfCursor(lines, Number(first.dataset['cursor']));
  const to = indexOfCursor(lines, Number(last.dataset['cursor']));
  const between = lines.slice(from + 1, to).map(({ text }) => visibleControls(plainText(text)));
  return [part(first, range, 'start'), ...between, part(last, range, 'end')].join('\n');
}

/** What is selected of the line in which the selection begins or ends. */
function part(row: HTMLElement, selected: Range, side: 'start' | 'end'): string {
  const text = row.querySelector('[data-text]');
  if (!text) return '';
  const range = document.createRange();
  range.selectNodeContents(text);
  const isInside = selected.intersectsNode(text);
  if (!isInside) return side === 'start' ? (text.textContent ?? '') : '';
  if (side === 'start' && range.comparePoint(selected.startContainer, selected.startOffset) === 0) {
    range.setStart(selected.startContainer, selected.startOffset);
  }
  if (side === 'end' && range.comparePoint(selected.endContainer, selected.endOffset) === 0) {
    range.setEnd(selected.endContainer, selected.endOffset);
  }
  return range.toString();
}
