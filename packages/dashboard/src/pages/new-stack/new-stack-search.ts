/** Search parameters of this page: they are its state, so that every view can be linked. */
import { type RawSearch, textOf } from '../../search.ts';

export type NewStackSearch = {
  /** Repository that is looked at. */
  git?: string | undefined;
  ref?: string | undefined;
  /** Name of a Git credential. */
  credential?: string | undefined;
  /** A stack that was made here, whose deployment is followed. */
  follow?: string | undefined;
};

export function newStackSearch(raw: RawSearch): NewStackSearch {
  return {
    git: textOf(raw['git'], 2_048),
    ref: textOf(raw['ref']),
    credential: textOf(raw['credential'], 64),
    follow: textOf(raw['follow'], 64),
  };
}
