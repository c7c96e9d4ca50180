/** The search field of a log, with how many lines hold what is typed. */
import { TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { logs as texts } from '../../texts/logs.ts';
import type { Hits } from './log-hits.ts';
import type { LogSearch } from './log-search.ts';
import css from './log-view.module.css';

const typing_ms = 250;

export type SearchFieldProps = {
  search: LogSearch;
  hits: Hits;
  /** There are lines that are not loaded, in which there may be more hits. */
  isPartial: boolean;
  /** The last step from hit to hit found no further one. */
  isLost: boolean;
  onSearch(change: LogSearch, options?: { replace: boolean }): void;
  onHit(direction: 1 | -1): void;
};

/** Holds what is typed until there is a pause, so that not each letter searches. */
export function SearchField(props: SearchFieldProps) {
  const { search, onSearch, onHit } = props;
  const { q = '' } = search;
  const [typed, setTyped] = useState(q);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const sent = useRef(q);
  useEffect(() => {
    if (sent.current !== q) setTyped(q);
    sent.current = q;
  }, [q]);
  const use = (text: string) => {
    clearTimeout(timer.current);
    sent.current = text;
    if (text !== q) onSearch({ q: text || undefined, only: undefined, line: undefined }, { replace: true });
  };
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <TextInput
      className={css.field}
      size="xs"
      type="search"
      data-search
      aria-label={texts.search}
      placeholder={texts.search}
      leftSection={<IconSearch size={14} />}
      rightSection={<HitCount {...props} />}
      rightSectionWidth={q ? 128 : 0}
      rightSectionPointerEvents="none"
      maxLength={256}
      spellCheck={false}
      autoComplete="off"
      value={typed}
      onChange={({ currentTarget: { value } }) => {
        setTyped(value);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => use(value), typing_ms);
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter') {
          event.preventDefault();
          if (typed === q) onHit(event.shiftKey ? -1 : 1);
          else use(typed);
        }
        if (event.key === 'Escape') {
          event.preventDefault();
          if (typed === '') event.currentTarget.blur();
          setTyped('');
          use('');
        }
      }}
    />
  );
}

/** How many lines hold the text, and which of them is pointed at. */
function HitCount({ search, hits, isPartial, isLost }: SearchFieldProps) {
  const { q, line } = search;
  const count = hits.cursors.length;
  const current = line === undefined ? 0 : hits.cursors.indexOf(line) + 1;
  const shown = `${count.toLocaleString()}${isPartial && !search.only ? '+' : ''}`;
  const word = !q ? '' : !hits.is_complete ? texts.searching : count === 0 ? texts.noHits : texts.hits(current, shown);
  return (
    <span className={css.hits} role="status">
      {isLost ? texts.noFurtherHit : word}
    </span>
  );
}
