/** Chooses a branch or a tag among those that the repository has, or any that is typed. */
import { Select } from '@mantine/core';
import { useState } from 'react';
import type { Output } from '../../../api/client.ts';
import { newStack } from '../../../texts/new-stack.ts';

const texts = newStack.repository;
const shown_max = 80;

export type RefSelectProps = {
  refs: Output<'sources.refs'> | undefined;
  value: string | null;
  onChange(ref: string): void;
};

export function RefSelect({ refs, value, onChange }: RefSelectProps) {
  const [typed, setTyped] = useState('');
  const branches = refs?.branches.map(({ name }) => name) ?? [];
  const known = new Set(branches);
  // A name that is a branch and a tag means the branch.
  const tags = (refs?.tags.map(({ name }) => name) ?? []).filter((name) => !known.has(name));
  for (const tag of tags) known.add(tag);
  const word = (name: string) => (name === refs?.default_branch ? texts.defaultBranch(name) : name);
  const other = typed.trim();
  const others = [value ?? '', other].filter(
    (name, index, all) =>
      name !== '' && !known.has(name) && name !== word(refs?.default_branch ?? '') && all.indexOf(name) === index,
  );
  const option = (name: string) => ({ value: name, label: word(name) });
  return (
    <Select
      id="repository-ref"
      label={texts.ref}
      placeholder={texts.refPlaceholder}
      description={refs?.truncated ? texts.truncated : undefined}
      data={[
        ...(others.length > 0 ? [{ group: texts.other, items: others.map(option) }] : []),
        { group: texts.branches, items: branches.map(option) },
        ...(tags.length > 0 ? [{ group: texts.tags, items: tags.map(option) }] : []),
      ]}
      value={value}
      onChange={(next) => next !== null && onChange(next)}
      onSearchChange={setTyped}
      allowDeselect={false}
      searchable
      selectFirstOptionOnChange
      limit={shown_max}
      maxDropdownHeight={320}
      disabled={refs === undefined}
      nothingFoundMessage={texts.noRefs}
    />
  );
}
