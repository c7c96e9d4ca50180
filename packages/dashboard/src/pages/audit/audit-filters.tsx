/** The filters of the trail. Each is a search parameter of the page; those that a link set are shown to be taken away. */
import { Button, NativeSelect, Pill } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import { IconX } from '@tabler/icons-react';
import { audit } from '../../texts/audit.ts';
import { SearchField } from '../../ui/search-field.tsx';
import css from './audit.module.css';
import {
  type AuditGroup,
  type AuditRange,
  type AuditSearch,
  auditGroups,
  auditOutcomes,
  auditRanges,
} from './audit-search.ts';

const texts = audit.filters;
const typing_ms = 250;

export type AuditFiltersProps = { search: AuditSearch; set(change: AuditSearch): void; clear(): void };

export function AuditFilters({ search, set, clear }: AuditFiltersProps) {
  const setText = useDebouncedCallback((q: string) => set({ q: q.trim() || undefined }), typing_ms);
  const { before: _, ...filters } = search;
  const isSet = Object.values(filters).some((value) => value !== undefined);
  return (
    <search className={css.filters} aria-label={texts.label}>
      <SearchField label={texts.search} value={search.q ?? ''} onChange={setText} />
      <NativeSelect
        size="xs"
        aria-label={texts.about}
        value={search.about ?? ''}
        onChange={({ currentTarget: { value } }) => set({ about: (value || undefined) as AuditGroup | undefined })}
        data={[
          { value: '', label: texts.anyAbout },
          ...(Object.keys(auditGroups) as AuditGroup[]).map((value) => ({ value, label: texts.groups[value] })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={texts.outcome}
        value={search.outcome ?? ''}
        onChange={({ currentTarget: { value } }) => set({ outcome: auditOutcomes.find((word) => word === value) })}
        data={[
          { value: '', label: texts.anyOutcome },
          ...auditOutcomes.map((value) => ({ value, label: audit.outcomes[value] })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={texts.time}
        value={search.range ?? ''}
        onChange={({ currentTarget: { value } }) => set({ range: (value || undefined) as AuditRange | undefined })}
        data={[
          { value: '', label: texts.anyTime },
          ...(Object.keys(auditRanges) as AuditRange[]).map((value) => ({ value, label: texts.ranges[value] })),
        ]}
      />
      {isSet && (
        <div className={css.set}>
          {search.actor !== undefined && (
            <Removable word={texts.actor(search.actor)} onRemove={() => set({ actor: undefined })} />
          )}
          {search.target !== undefined && (
            <Removable word={texts.target(search.target)} onRemove={() => set({ target: undefined })} />
          )}
          {search.operation !== undefined && (
            <Removable word={texts.operation} onRemove={() => set({ operation: undefined })} />
          )}
          <Button size="compact-sm" variant="subtle" leftSection={<IconX size={14} />} onClick={clear}>
            {texts.clear}
          </Button>
        </div>
      )}
    </search>
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
