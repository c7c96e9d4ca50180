/** Search parameters of this page: they are its state, so that every view can be linked. */
import { type RawSearch, textOf } from '../../search.ts';

export type ServersSearch = { q?: string | undefined };

export function serversSearch(raw: RawSearch): ServersSearch {
  return { q: textOf(raw['q']) };
}
