/** Which time is looked at: a quick range that moves along with the clock, or from one moment to another. */
import { Button, NativeSelect, Popover, TextInput } from '@mantine/core';
import { events } from '../../texts/events.ts';
import { absoluteTime } from '../../ui/time.tsx';
import { localInput, momentOf } from './event-filter.ts';
import css from './events.module.css';
import { type EventsSearch, eventRanges } from './events-search.ts';

const texts = events.filters;
const custom = 'custom';

function isBetween({ range, from, to }: EventsSearch): boolean {
  return range === undefined && (from !== undefined || to !== undefined);
}

export type TimeFilterProps = { search: EventsSearch; set(change: EventsSearch): void };

export function TimeFilter({ search, set }: TimeFilterProps) {
  const isCustom = isBetween(search);
  const choose = (value: string) => {
    if (value === custom) return set({ range: undefined, from: Date.now() - 3_600_000, to: undefined });
    set({ range: eventRanges.find((range) => range === value), from: undefined, to: undefined });
  };
  return (
    <NativeSelect
      size="xs"
      aria-label={texts.time}
      className={css.choice}
      data-set={search.range !== undefined || isCustom || undefined}
      value={isCustom ? custom : (search.range ?? '')}
      onChange={(event) => choose(event.currentTarget.value)}
      data={[
        { value: '', label: texts.anyTime },
        ...eventRanges.map((range) => ({ value: range, label: events.ranges[range] })),
        { value: custom, label: texts.custom },
      ]}
    />
  );
}

/** From when to when, where no quick range says it. */
export function Moments({ search, set }: TimeFilterProps) {
  const { from, to } = search;
  if (!isBetween(search)) return null;
  return (
    <Popover position="bottom-start" withArrow trapFocus shadow="md">
      <Popover.Target>
        <Button size="compact-sm" variant="default">
          {from === undefined ? '…' : absoluteTime(from)} – {to === undefined ? '…' : absoluteTime(to)}
        </Button>
      </Popover.Target>
      <Popover.Dropdown>
        <TextInput
          size="xs"
          type="datetime-local"
          label={texts.from}
          value={localInput(from)}
          onChange={(event) => set({ from: momentOf(event.currentTarget.value) })}
        />
        <TextInput
          size="xs"
          mt="xs"
          type="datetime-local"
          label={texts.to}
          value={localInput(to)}
          onChange={(event) => set({ to: momentOf(event.currentTarget.value) })}
        />
      </Popover.Dropdown>
    </Popover>
  );
}
