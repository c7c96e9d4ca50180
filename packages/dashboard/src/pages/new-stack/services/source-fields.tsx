/** Where the code of a service is, for those that are not of the repository that is looked at. */
import { Select, TextInput } from '@mantine/core';
import { useRead } from '../../../api/queries.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { type Problems, type ServiceField, serviceField } from '../draft-problems.ts';
import css from '../new-stack.module.css';
import type { ServiceDraft } from '../stack-draft.ts';

const texts = newStack.service;

export type SourceFieldsProps = { service: ServiceDraft; problems: Problems; onChange(next: ServiceDraft): void };

export function SourceFields({ service, problems, onChange }: SourceFieldsProps) {
  const { source } = service;
  const credentials = useRead('credentials.list', {}).data?.credentials ?? [];
  const names = credentials.map(({ name }) => name);
  if (source.credential !== '' && !names.includes(source.credential)) names.push(source.credential);
  const change = (part: Partial<typeof source>) => onChange({ ...service, source: { ...source, ...part } });
  const field = (key: ServiceField) => {
    const id = serviceField(service, key);
    return { id, error: problems[id] ?? null };
  };
  return (
    <div className={css.sourceFields}>
      <TextInput
        {...field('git')}
        label={texts.git}
        value={source.git}
        onChange={(event) => change({ git: event.currentTarget.value })}
        spellCheck={false}
        required
      />
      <TextInput
        {...field('ref')}
        label={texts.ref}
        placeholder="main"
        value={source.ref}
        onChange={(event) => change({ ref: event.currentTarget.value })}
        spellCheck={false}
      />
      <Select
        {...field('credential')}
        label={texts.credential}
        data={[{ value: '', label: texts.credentialNone }, ...names.map((name) => ({ value: name, label: name }))]}
        value={source.credential}
        onChange={(next) => change({ credential: next ?? '' })}
        allowDeselect={false}
      />
    </div>
  );
}
