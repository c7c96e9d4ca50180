/** The variables of one service as rows to edit; a block of a .env file may be pasted in. */
import type { AppError } from '@mainstay/contract/app-error';
import { serviceUrlVariable } from '@mainstay/contract/env-names';
import { Alert, Button } from '@mantine/core';
import { IconClipboardText, IconPlus } from '@tabler/icons-react';
import { useState } from 'react';
import { environment as texts } from '../../../texts/stack/environment.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import { Section } from '../../../ui/page.tsx';
import { refusalText } from '../../../ui/refusal.ts';
import formCss from '../forms.module.css';
import { envBlockOf, parseEnvBlock } from './env-block.ts';
import { EnvBlockDialog } from './env-block-dialog.tsx';
import { EnvRowFields } from './env-row-fields.tsx';
import { type EnvDraft, type EnvRow, envOf, nextId, problemsOf, withEntries } from './env-rows.ts';
import css from './environment.module.css';

export type EnvTableProps = {
  service: string;
  /** All services of the stack: each is given the addresses of the others. */
  names: readonly string[];
  draft: EnvDraft;
  /** What the control plane refused of it. */
  refusal: AppError | null;
  onChange(draft: EnvDraft): void;
};

export function EnvTable({ service, names, draft, refusal, onChange }: EnvTableProps) {
  const [pasting, setPasting] = useState(false);
  const [added, setAdded] = useState<number | null>(null);
  const { rows } = draft;
  const problems = problemsOf(draft);
  const prefix = `spec.services.${service}.env.`;
  const refused = refusal?.field?.startsWith(prefix) ? refusal.field.slice(prefix.length) : null;
  const setRows = (next: EnvRow[]) => onChange({ ...draft, rows: next });
  const isShownAtRow = rows.some(({ name }) => name.trim() === refused);
  return (
    <Section
      title={texts.variables}
      flush
      aside={
        <div className={formCss.tools}>
          {rows.length > 0 && <CopyButton text={envBlockOf(envOf(rows))} label={texts.copyAll} />}
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconClipboardText size={15} />}
            onClick={() => setPasting(true)}
          >
            {texts.paste}
          </Button>
        </div>
      }
    >
      <p className={css.lead}>{texts.variablesText}</p>
      {refusal && !isShownAtRow && (
        <Alert color="red" variant="light" m="md" mt={0} role="alert">
          {refusalText(refusal)}
        </Alert>
      )}
      <table className={css.table} aria-label={texts.variablesOf(service)}>
        <thead>
          <tr>
            <th scope="col">{texts.name}</th>
            <th scope="col">{texts.value}</th>
            <th scope="col">
              <span className="visually-hidden">{texts.remove}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <EnvRowFields
              key={row.id}
              row={row}
              number={index + 1}
              focus={row.id === added}
              problem={problems.get(row.id) ?? (refused === row.name.trim() ? refusal && refusalText(refusal) : null)}
              onChange={(next) => setRows(rows.map((old) => (old.id === row.id ? next : old)))}
              onRemove={() => setRows(rows.filter((old) => old.id !== row.id))}
              onPasteBlock={(text) => {
                const { entries } = parseEnvBlock(text);
                if (entries.length < 2) return false;
                setRows(
                  withEntries(
                    rows.filter((old) => old.id !== row.id || old.value !== ''),
                    entries,
                  ),
                );
                return true;
              }}
            />
          ))}
        </tbody>
      </table>
      {rows.length === 0 && <p className={css.none}>{texts.none}</p>}
      <div className={css.foot}>
        <Button
          size="compact-sm"
          variant="subtle"
          leftSection={<IconPlus size={15} />}
          onClick={() => {
            setAdded(nextId(rows));
            setRows([...rows, { id: nextId(rows), name: '', value: '' }]);
          }}
        >
          {texts.add}
        </Button>
        <span className={formCss.hint}>
          {texts.setByMainstay} <code>PORT</code>, <code>DATA_DIR</code>, <code>MAINSTAY_*</code>
          {names
            .filter((name) => name !== service)
            .slice(0, 3)
            .map((name) => (
              <span key={name}>
                , <code>{serviceUrlVariable(name)}</code>
              </span>
            ))}
          {names.length > 4 && ', …'}
        </span>
      </div>
      {pasting && (
        <EnvBlockDialog
          names={rows.map(({ name }) => name.trim())}
          onClose={() => setPasting(false)}
          onUse={(entries) => {
            setRows(withEntries(rows, entries));
            setPasting(false);
          }}
        />
      )}
    </Section>
  );
}
