/** The mark of a status: a shape of its own per tone, and the word. */
import { drawing, element } from './element.ts';
import type { Status, Tone } from './words.ts';

const shapes: Record<Tone, string> = {
  // a disc with a tick
  good: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm3.7 4.3a1 1 0 0 0-1.4 0L7 8.6 5.7 7.3a1 1 0 0 0-1.4 1.4l2 2a1 1 0 0 0 1.4 0l4-4a1 1 0 0 0 0-1.4Z',
  // a half-filled ring
  busy: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 2a5 5 0 0 0 0 10V3Z',
  // a triangle with a mark in it
  warning: 'M8 1.2 15.4 14.6H.6L8 1.2Zm-1 5v4h2v-4H7Zm0 5v2h2v-2H7Z',
  // an octagon with a cross
  bad: 'M5 1h6l4 4v6l-4 4H5l-4-4V5l4-4Zm.2 5.3L6.9 8 5.2 9.7l1.1 1.1L8 9.1l1.7 1.7 1.1-1.1L9.1 8l1.7-1.7-1.1-1.1L8 6.9 6.3 5.2 5.2 6.3Z',
  // an empty ring
  idle: 'M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1Zm0 2a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z',
};

export function statusMark(status: Status): HTMLElement {
  return element('span', { class: `mark ${status.tone}` }, drawing(shapes[status.tone], 'shape'), status.word);
}
