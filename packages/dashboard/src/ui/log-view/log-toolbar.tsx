/** What can be done to a log: search, filter, wrap, follow, download. */

import { requestOf } from '@mainstay/contract/request';
import { ActionIcon, Button, NativeSelect, Tooltip } from '@mantine/core';
import {
  IconArrowBarToDown,
  IconChevronDown,
  IconChevronUp,
  IconDownload,
  IconFilter,
  IconTextWrap,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { base_url } from '../../api/client.ts';
import { logs as texts } from '../../texts/logs.ts';
import type { LogFilter } from './log-reader.ts';
import { type LogSearch, logLevels, logStreams } from './log-search.ts';
import { SearchField, type SearchFieldProps } from './log-search-field.tsx';
import css from './log-view.module.css';
import type { LogRelease } from './log-view.tsx';

export type LogToolbarProps = SearchFieldProps & {
  releases: readonly LogRelease[];
  filter: LogFilter;
  follows: boolean;
  onFollow(): void;
};

export function LogToolbar(props: LogToolbarProps) {
  const { search, releases, filter, follows, onSearch, onHit, onFollow } = props;
  const isKnown = releases.some(({ release_id }) => release_id === search.release);
  return (
    <div className={css.toolbar} role="toolbar" aria-label={texts.search}>
      <div className={css.searching}>
        <SearchField {...props} />
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

type IconToggleProps = { label: string; isOn?: boolean; isDisabled?: boolean; icon: ReactNode; onClick(): void };

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
