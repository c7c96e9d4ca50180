/** The filters of the list. Each is a search parameter of the page. */
import { Button, NativeSelect } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useRead } from '../../api/queries.ts';
import { operations } from '../../texts/operations.ts';
import { RowFilters } from '../../ui/row-list.tsx';
import { type OperationsSearch, operationNouns, type StateGroup, stateGroups } from './operations-search.ts';

const texts = operations.filters;

export type OperationFiltersProps = { search: OperationsSearch; set(change: OperationsSearch): void; clear(): void };

export function OperationFilters({ search, set, clear }: OperationFiltersProps) {
  const stacks = useRead('stacks.list', {}).data?.stacks.map(({ name }) => name) ?? [];
  // A stack that was removed is no longer in the list, and its operations are.
  const names = search.stack === undefined || stacks.includes(search.stack) ? stacks : [search.stack, ...stacks];
  return (
    <RowFilters label={texts.label}>
      <NativeSelect
        size="xs"
        aria-label={texts.state}
        value={search.state ?? ''}
        onChange={({ currentTarget: { value } }) => set({ state: (value || undefined) as StateGroup | undefined })}
        data={[
          { value: '', label: texts.anyState },
          ...(Object.keys(stateGroups) as StateGroup[]).map((value) => ({ value, label: texts.states[value] })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={texts.about}
        value={search.about ?? ''}
        onChange={({ currentTarget: { value } }) => set({ about: operationNouns.find((noun) => noun === value) })}
        data={[
          { value: '', label: texts.anyAbout },
          ...operationNouns.map((value) => ({ value, label: texts.nouns[value] })),
        ]}
      />
      <NativeSelect
        size="xs"
        aria-label={texts.stack}
        value={search.stack ?? ''}
        onChange={({ currentTarget: { value } }) => set({ stack: value || undefined })}
        data={[{ value: '', label: texts.anyStack }, ...names]}
      />
      {Object.values(search).some((value) => value !== undefined) && (
        <Button size="xs" variant="subtle" leftSection={<IconX size={14} />} onClick={clear}>
          {texts.clear}
        </Button>
      )}
    </RowFilters>
  );
}
