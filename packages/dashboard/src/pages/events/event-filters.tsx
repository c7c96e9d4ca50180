/** The filters of the timeline. Each is a search parameter of the page; on a phone they are folded behind one button. */
import { Button, Input, NativeSelect, Pill, Select } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconFilter, IconX } from '@tabler/icons-react';
import { useDeferredValue, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { events } from '../../texts/events.ts';
import { SearchField } from '../../ui/search-field.tsx';
import { filtersSet } from './event-filter.ts';
import { type EventGroup, eventGroups } from './event-groups.ts';
import css from './events.module.css';
import { type EventsSearch, severitiesShown } from './events-search.ts';
import { Moments, TimeFilter } from './time-filter.tsx';

const texts = events.filters;

export type EventFiltersProps = {
  search: EventsSearch;
  set(change: EventsSearch): void;
  clear(): void;
  /** Whoever caused an event on the page can be chosen. */
  actors: ReadonlySet<string>;
};

const typing_ms = 250;

export function EventFilters({ search, set, clear, actors }: EventFiltersProps) {
  const [isOpen, setOpen] = useState(false);
  const count = filtersSet(search);
  const setText = useDebouncedCallback((q: string) => set({ q: q.trim() || undefined }), typing_ms);
  return (
    <search className={css.filters} data-open={isOpen || undefined} aria-label={texts.label}>
      <SearchField label={texts.search} value={search.q ?? ''} onChange={setText} />
      <Button
        size="xs"
        variant="default"
        className={css.fold}
        leftSection={<IconFilter size={14} />}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {count > 0 ? texts.openCounted(count) : texts.open}
      </Button>
      <Choices search={search} set={set} actors={actors} />
      {count > 0 && (
        <div className={css.set}>
          <Moments search={search} set={set} />
          <Exact search={search} set={set} />
          <Button size="compact-sm" variant="subtle" leftSection={<IconX size={14} />} onClick={clear}>
            {texts.clear}
          </Button>
        </div>
      )}
    </search>
  );
}

function Choices({ search, set, actors }: Omit<EventFiltersProps, 'clear'>) {
  const stacks = useRead('stacks.list', {}).data?.stacks ?? [];
  const servers = useRead('servers.list', {}).data?.servers ?? [];
  // Four fields that search cost as much as all lines of the screen: they come to life right after those are drawn.
  const isDrawn = useDeferredValue(true, false);
  const services = [
    ...new Set(stacks.filter(({ name }) => !search.stack || name === search.stack).flatMap(servicesOf)),
  ];
  return (
    <>
      <NativeSelect
        size="xs"
        aria-label={texts.kind}
        className={css.choice}
        data-set={search.about !== undefined || undefined}
        value={search.about ?? ''}
        onChange={(event) => set({ about: (event.currentTarget.value || undefined) as EventGroup, kind: undefined })}
        data={[
          { value: '', label: texts.anyKind },
          ...Object.keys(eventGroups).map((group) => ({ value: group, label: events.groups[group as EventGroup] })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={texts.severity}
        className={css.choice}
        data-set={search.severity !== undefined || undefined}
        value={search.severity ?? ''}
        onChange={(event) => set({ severity: severitiesShown.find((word) => word === event.currentTarget.value) })}
        data={[
          { value: '', label: texts.anySeverity },
          ...severitiesShown.map((severity) => ({
            value: severity,
            label: severity === 'error' ? texts.onlyErrors : texts.atLeast(events.severities[severity]),
          })),
        ]}
      />
      <TimeFilter search={search} set={set} />
      <Choice
        label={texts.stack}
        placeholder={texts.anyStack}
        value={search.stack}
        names={stacks.map(({ name }) => name)}
        onChange={(stack) => set({ stack, service: undefined })}
        isLive={isDrawn}
      />
      <Choice
        label={texts.service}
        placeholder={texts.anyService}
        value={search.service}
        names={services}
        onChange={(service) => set({ service })}
        isLive={isDrawn}
      />
      <Choice
        label={texts.server}
        placeholder={texts.anyServer}
        value={search.server}
        names={servers.map(({ name }) => name)}
        onChange={(server) => set({ server })}
        isLive={isDrawn}
      />
      <Choice
        label={texts.actor}
        placeholder={texts.anyActor}
        value={search.actor}
        names={[...actors].sort()}
        onChange={(actor) => set({ actor })}
        isLive={isDrawn}
      />
    </>
  );
}

function servicesOf({ services }: { services: readonly string[] }): readonly string[] {
  return services;
}

type ChoiceProps = {
  label: string;
  placeholder: string;
  value: string | undefined;
  names: readonly string[];
  onChange(name: string | undefined): void;
  /** Until then it only looks like the field. */
  isLive: boolean;
};

/** Among many names, found by typing. What the address holds can be chosen also when it is no longer there. */
function Choice({ label, placeholder, value, names, onChange, isLive }: ChoiceProps) {
  if (!isLive) {
    return (
      <Input component="div" size="xs" className={css.choice} data-set={value !== undefined || undefined}>
        {value ?? <Input.Placeholder>{placeholder}</Input.Placeholder>}
      </Input>
    );
  }
  const all = [...new Set(value === undefined || names.includes(value) ? names : [value, ...names])];
  return (
    <Select
      size="xs"
      aria-label={label}
      className={css.choice}
      data-set={value !== undefined || undefined}
      placeholder={placeholder}
      value={value ?? null}
      data={all}
      limit={100}
      searchable
      clearable
      clearButtonProps={{ 'aria-label': `${texts.clear}: ${label}` }}
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
      onChange={(name) => onChange(name ?? undefined)}
    />
  );
}

/** Filters that a link set and no field shows: one exact kind, one operation. */
function Exact({ search, set }: Pick<EventFiltersProps, 'search' | 'set'>) {
  const { kind, operation } = search;
  const kindWord = (events.kinds as Record<string, string>)[kind ?? ''] ?? kind;
  return (
    <>
      {kind !== undefined && <Removable word={kindWord ?? ''} onRemove={() => set({ kind: undefined })} />}
      {operation !== undefined && <Removable word={texts.operation} onRemove={() => set({ operation: undefined })} />}
    </>
  );
}

function Removable({ word, onRemove }: { word: string; onRemove(): void }) {
  return (
    <Pill
      size="md"
      withRemoveButton
      onRemove={onRemove}
      removeButtonProps={{ 'aria-label': `${texts.clear}: ${word}`, 'aria-hidden': false, tabIndex: 0 }}
    >
      {word}
    </Pill>
  );
}
