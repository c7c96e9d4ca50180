/** What can be done to a log: search, filter, wrap, follow, download. */

import { requestOf } from '@mainstay/contract/request';
import { ActionIcon, Button, NativeSelect, TextInput, Tooltip } from '@mantine/core';
import {
  IconArrowBarToDown,
  IconChevronDown,
  IconChevronUp,
  IconDownload,
  IconFilter,
  IconSearch,
  IconTextWrap,
} from '@tabler/icons-react';
import { useEffect, useRef, useState } from 'react';
import { base_url } from '../../api/client.ts';
import { logs as texts } from '../../texts/logs.ts';
import type { Hits } from './log-hits.ts';
import type { LogFilter } from './log-reader.ts';
import { type LogSearch, logLevels, logStreams } from './log-search.ts';
import css from './log-view.module.css';
import type { LogRelease } from './log-view.tsx';

export type LogToolbarProps = {
  search: LogSearch;
  releases: readonly LogRelease[];
  filter: LogFilter;
  hits: Hits;
  /** There are lines that are not loaded, in which there may be more hits. */
  isPartial: boolean;
  /** The last step from hit to hit found no further one. */
  isLost: boolean;
  follows: boolean;
  onSearch(change: LogSearch, options?: { replace: boolean }): void;
  onHit(direction: 1 | -1): void;
  onFollow(): void;
};

export function LogToolbar(props: LogToolbarProps) {
  const { search, releases, filter, follows, onSearch, onHit, onFollow } = props;
  const isKnown = releases.some(({ release_id }) => release_id === search.release);
  return (
    <div className={css.toolbar} role="toolbar" aria-label={texts.search}>
      <div className={css.searching}>
        <SearchField q={search.q ?? ''} onHit={onHit} onSearch={onSearch} count={<HitCount {...props} />} />
        <IconToggle
          label={texts.previousHit}
          isDisabled={!search.q}
          icon={<IconChevronUp size={16} />}
          onClick={() => onHit(-1)}
        />
        <IconToggle
          label={texts.nextHit}
          isDisabled={!search.q}
          icon={<IconChevronDown size={16} />}
          onClick={() => onHit(1)}
        />
        <IconToggle
          label={search.only ? texts.all : texts.only}
          isOn={search.only === true}
          isDisabled={!search.q}
          icon={<IconFilter size={16} />}
          onClick={() => onSearch({ only: search.only ? undefined : true })}
        />
      </div>
      <div className={css.filters}>
        <Choice
          label={texts.level}
          value={search.level}
          any={texts.anyLevel}
          choices={logLevels.toReversed().map((level) => ({ value: level, label: texts.levels[level] }))}
          onChange={(level) => onSearch({ level: level as LogSearch['level'] })}
        />
        <Choice
          label={texts.release}
          value={search.release}
          any={texts.anyRelease}
          choices={[
            ...releases.map(({ release_id, label }) => ({ value: release_id, label })),
            ...(search.release && !isKnown ? [{ value: search.release, label: search.release }] : []),
          ]}
          onChange={(release) => onSearch({ release })}
        />
        <Choice
          label={texts.stream}
          value={search.stream}
          any={texts.anyStream}
          choices={logStreams.map((stream) => ({ value: stream, label: texts.streams[stream] }))}
          onChange={(stream) => onSearch({ stream: stream as LogSearch['stream'] })}
        />
        <Choice
          label={texts.clock}
          value={search.clock}
          any={texts.clocks.time}
          choices={(['date', 'utc'] as const).map((clock) => ({ value: clock, label: texts.clocks[clock] }))}
          onChange={(clock) => onSearch({ clock: clock as LogSearch['clock'] }, { replace: true })}
        />
        <IconToggle
          label={texts.wrap}
          isOn={search.wrap === true}
          icon={<IconTextWrap size={16} />}
          onClick={() => onSearch({ wrap: search.wrap ? undefined : true }, { replace: true })}
        />
        <Tooltip label={texts.downloadHint}>
          <ActionIcon
            component="a"
            href={downloadOf(filter)}
            download
            variant="default"
            size={30}
            aria-label={texts.download}
          >
            <IconDownload size={16} />
          </ActionIcon>
        </Tooltip>
        <Tooltip label={texts.followHint}>
          <Button
            size="compact-sm"
            h={30}
            variant={follows ? 'light' : 'default'}
            aria-pressed={follows}
            leftSection={<IconArrowBarToDown size={15} />}
            onClick={onFollow}
          >
            {texts.follow}
          </Button>
        </Tooltip>
      </div>
    </div>
  );
}

const download = { http: { method: 'GET', path: '/stacks/{stack}/logs/download' } } as const;

function downloadOf(filter: LogFilter): string {
  return base_url + requestOf(download, filter).path.slice(1);
}

const typing_ms = 250;

type SearchFieldProps = Pick<LogToolbarProps, 'onSearch' | 'onHit'> & { q: string; count: React.ReactNode };

/** Holds what is typed until there is a pause, so that not each letter searches. */
function SearchField({ q, count, onSearch, onHit }: SearchFieldProps) {
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
      rightSection={count}
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
function HitCount({ search, hits, isPartial, isLost }: LogToolbarProps) {
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

type IconToggleProps = { label: string; isOn?: boolean; isDisabled?: boolean; icon: React.ReactNode; onClick(): void };

function IconToggle({ label, isOn, isDisabled = false, icon, onClick }: IconToggleProps) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant={isOn ? 'light' : 'default'}
        color={isOn ? 'harbour' : 'gray'}
        size={30}
        aria-label={label}
        aria-pressed={isOn}
        disabled={isDisabled}
        onClick={onClick}
      >
        {icon}
      </ActionIcon>
    </Tooltip>
  );
}

type ChoiceProps = {
  label: string;
  value: string | undefined;
  any: string;
  choices: readonly { value: string; label: string }[];
  onChange(value: string | undefined): void;
};

function Choice({ label, value, any, choices, onChange }: ChoiceProps) {
  return (
    <NativeSelect
      size="xs"
      className={css.choice}
      aria-label={label}
      value={value ?? ''}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      data={[{ value: '', label: any }, ...choices]}
    />
  );
}
