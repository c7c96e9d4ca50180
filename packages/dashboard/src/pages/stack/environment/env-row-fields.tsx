/** One variable: its name, its value, and what is wrong with it. */
import { ActionIcon, Textarea, TextInput } from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { environment as texts } from '../../../texts/stack/environment.ts';
import type { EnvRow } from './env-rows.ts';
import css from './environment.module.css';

export type EnvRowFieldsProps = {
  row: EnvRow;
  number: number;
  /** Puts the cursor into the name: the row was just added. */
  focus: boolean;
  problem: string | null;
  onChange(row: EnvRow): void;
  onRemove(): void;
  /** Takes several lines that were pasted into the name; false when they are no variables. */
  onPasteBlock(text: string): boolean;
};

export function EnvRowFields({ row, number, focus, problem, onChange, onRemove, onPasteBlock }: EnvRowFieldsProps) {
  const value = {
    size: 'xs' as const,
    classNames: { input: css.mono },
    'aria-label': texts.valueOf(row.name),
    value: row.value,
    spellCheck: false,
    autoComplete: 'off',
  };
  return (
    <tr className={css.row}>
      <td>
        <TextInput
          size="xs"
          classNames={{ input: css.mono }}
          aria-label={texts.nameOf(number)}
          value={row.name}
          error={problem}
          autoFocus={focus}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          onChange={(event) => onChange({ ...row, name: event.currentTarget.value })}
          onPaste={(event) => {
            if (onPasteBlock(event.clipboardData.getData('text'))) event.preventDefault();
          }}
        />
      </td>
      <td>
        {row.value.includes('\n') ? (
          <Textarea
            {...value}
            autosize
            minRows={2}
            maxRows={8}
            onChange={(event) => onChange({ ...row, value: event.currentTarget.value })}
          />
        ) : (
          <TextInput
            {...value}
            onChange={(event) => onChange({ ...row, value: event.currentTarget.value })}
            onPaste={(event) => {
              const text = event.clipboardData.getData('text');
              if (!text.includes('\n') || row.value !== '') return;
              event.preventDefault();
              onChange({ ...row, value: text.replaceAll('\r\n', '\n') });
            }}
          />
        )}
      </td>
      <td>
        <ActionIcon aria-label={texts.removeOf(row.name)} title={texts.removeOf(row.name)} onClick={onRemove}>
          <IconTrash size={16} />
        </ActionIcon>
      </td>
    </tr>
  );
}
