/** Search parameters of this page: the server that was invited, whose progress is watched; or a new one to be invited. */
import { type RawSearch, textOf } from '../../search.ts';

export type AddServerSearch = {
  /** Was invited already; the page follows how it comes. */
  server?: string | undefined;
  /** Proposed for the form. */
  name?: string | undefined;
  stack?: string | undefined;
};

export function addServerSearch(raw: RawSearch): AddServerSearch {
  return { server: textOf(raw['server'], 64), name: textOf(raw['name'], 64), stack: textOf(raw['stack'], 64) };
}
