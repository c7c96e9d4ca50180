/** Fields by group, each with its help, and with what the control plane said of it. */
import type { AppError } from '@mainstay/contract/app-error';
import { NativeSelect, TextInput } from '@mantine/core';
import { useEffect, useRef } from 'react';
import { useRead } from '../../../api/queries.ts';
import { fieldTexts, configuration as texts } from '../../../texts/stack/configuration.ts';
import { Section } from '../../../ui/page.tsx';
import { refusalText } from '../../../ui/refusal.ts';
import { focusSoon } from '../focus-soon.ts';
import css from './configuration.module.css';
import { type Edits, type Field, textAt } from './fields.ts';

export type FieldGroupsProps = {
  title: string;
  fields: readonly Field[];
  /** The specification of the service or the stack. */
  value: unknown;
  edits: Edits;
  refusal: { path: string; error: AppError } | null;
  onEdit(path: string, text: string): void;
};

export function FieldGroups({ title, fields, value, edits, refusal, onEdit }: FieldGroupsProps) {
  const groups = [...new Set(fields.map(({ group }) => group))];
  return (
    <Section title={title} flush>
      {groups.map((group) => (
        <fieldset key={group} className={css.group}>
          <legend className={css.legend}>{texts.groups[group]}</legend>
          <div className={css.fields}>
            {fields
              .filter((field) => field.group === group)
              .map((field) => (
                <FieldInput
                  key={`${title} ${field.path}`}
                  field={field}
                  value={edits[field.path] ?? textAt(value, field.path)}
                  edited={edits[field.path] !== undefined && edits[field.path] !== textAt(value, field.path)}
                  error={refusal?.path === field.path ? refusal.error : null}
                  onEdit={onEdit}
                />
              ))}
          </div>
        </fieldset>
      ))}
    </Section>
  );
}

type FieldInputProps = {
  field: Field;
  value: string;
  edited: boolean;
  error: AppError | null;
  onEdit(path: string, text: string): void;
};

function FieldInput({ field, value, edited, error, onEdit }: FieldInputProps) {
  const words = fieldTexts[field.path];
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    return error ? focusSoon(box.current?.querySelector<HTMLElement>('input, select')) : undefined;
  }, [error]);
  const props = {
    label: words?.label ?? field.path,
    description: words?.help,
    value,
    error: error === null ? undefined : refusalText(error),
    inputWrapperOrder: ['label', 'input', 'error', 'description'] as ('label' | 'input' | 'error' | 'description')[],
    classNames: { input: field.mono ? css.mono : undefined },
    onChange: (event: { currentTarget: { value: string } }) => onEdit(field.path, event.currentTarget.value),
  };
  return (
    <div ref={box} className={css.field} data-wide={field.wide || undefined} data-edited={edited || undefined}>
      {field.kind === 'credential' ? (
        <CredentialSelect {...props} />
      ) : field.kind === 'flag' || field.kind === 'choice' ? (
        <NativeSelect {...props} data={choicesOf(field)} />
      ) : (
        <TextInput
          {...props}
          inputMode={field.kind === 'number' ? 'decimal' : undefined}
          autoComplete="off"
          spellCheck={false}
        />
      )}
    </div>
  );
}

function choicesOf({ kind, choices }: Field): { value: string; label: string }[] {
  if (kind === 'flag') {
    return [
      { value: 'true', label: texts.yes },
      { value: 'false', label: texts.no },
    ];
  }
  return (choices ?? []).map((choice) => ({ value: choice, label: choice }));
}

function CredentialSelect(props: React.ComponentProps<typeof NativeSelect> & { value: string }) {
  const known = useRead('credentials.list', {}).data?.credentials.map(({ name }) => name) ?? [];
  const names = props.value === '' || known.includes(props.value) ? known : [...known, props.value];
  return (
    <NativeSelect
      {...props}
      data={[{ value: '', label: texts.none }, ...names.map((name) => ({ value: name, label: name }))]}
    />
  );
}
