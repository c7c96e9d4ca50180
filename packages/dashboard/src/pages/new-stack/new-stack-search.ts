/** Search parameters of this page: they are its state, so that every view can be linked. */
import { type RawSearch, textOf } from '../../search.ts';

export type NewStackSearch = { git?: string | undefined; ref?: string | undefined };

export function newStackSearch(raw: RawSearch): NewStackSearch {
  return { git: textOf(raw['git'], 2_048), ref: textOf(raw['ref']) };
}
