/** Secrets by name: which service is given which, new values, removal. No value is ever shown, kept or put into a draft. */
import type { StackView } from '@mainstay/contract/operations/stacks';
import type { StackSpec } from '@mainstay/contract/stack';
import { Alert, Button, Checkbox, Tooltip } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { secrets as texts } from '../../../texts/stack/environment.ts';
import { Allowed } from '../../../ui/allowed.tsx';
import { Fetched, Rows, Section } from '../../../ui/page.tsx';
import { ReviewChange } from '../../../ui/review-change.tsx';
import { StatusMark } from '../../../ui/status-mark.tsx';
import { TableHead } from '../../../ui/table-head.tsx';
import { Time } from '../../../ui/time.tsx';
import type { EnvDraft } from './env-rows.ts';
import css from './environment.module.css';
import { SetSecret } from './set-secret.tsx';

export type SecretsSectionProps = {
  stack: StackView;
  spec: StackSpec;
  service: string;
  draft: EnvDraft;
  onChange(draft: EnvDraft): void;
};

/** A secret that is set, or that a service names though it is not. */
type Entry = { name: string; used_by: readonly string[]; updated_at: number | null };

export function SecretsSection({ stack, spec, service, draft, onChange }: SecretsSectionProps) {
  const query = useRead('secrets.list', { stack: stack.name });
  const [setting, setSetting] = useState<{ name: string | null } | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  const [done, setDone] = useState<string | null>(null);
  return (
    <Section
      title={texts.title}
      flush
      aside={
        <Allowed to="secrets:write">
          <Button
            size="compact-sm"
            variant="default"
            leftSection={<IconPlus size={15} />}
            onClick={() => setSetting({ name: null })}
          >
            {texts.add}
          </Button>
        </Allowed>
      }
    >
      <p className={css.lead}>{texts.text}</p>
      {done !== null && (
        <Alert color="green" variant="light" m="md" mt={0} title={texts.wasSet(done)} role="status">
          {texts.takeUp}{' '}
          <Link from="/stacks/$stack" to="." search={(old) => ({ ...old, act: 'deploy' as const })} resetScroll={false}>
            {texts.deploy}
          </Link>
        </Alert>
      )}
      <Fetched query={query} skeleton={<Rows count={2} />}>
        {({ secrets }) => {
          const entries = withMissing(secrets, spec);
          if (entries.length === 0) return <p className={css.none}>{texts.none}</p>;
          return (
            <div className={css.scroller}>
              <table className={css.secrets}>
                <TableHead
                  titles={[
                    texts.columns.name,
                    texts.columns.given(service),
                    texts.columns.usedBy,
                    texts.columns.updated,
                  ]}
                />
                <tbody>
                  {entries.map((entry) => (
                    <SecretRow
                      key={entry.name}
                      entry={entry}
                      service={service}
                      given={draft.secrets.includes(entry.name)}
                      onGive={(given) =>
                        onChange({
                          ...draft,
                          secrets: given
                            ? [...draft.secrets, entry.name]
                            : draft.secrets.filter((name) => name !== entry.name),
                        })
                      }
                      onSet={() => setSetting({ name: entry.name })}
                      onRemove={() => setRemoving(entry.name)}
                    />
                  ))}
                </tbody>
              </table>
            </div>
          );
        }}
      </Fetched>
      {setting && <SetSecret stack={stack.name} name={setting.name} onClose={() => setSetting(null)} onSet={setDone} />}
      <ReviewChange
        change={removing === null ? null : { id: 'secrets.remove', input: { stack: stack.name, name: removing } }}
        title={texts.removal.title(removing ?? '')}
        confirm={texts.removal.confirm}
        onClose={() => setRemoving(null)}
      />
    </Section>
  );
}

type SecretRowProps = {
  entry: Entry;
  service: string;
  given: boolean;
  onGive(given: boolean): void;
  onSet(): void;
  onRemove(): void;
};

function SecretRow({ entry: { name, used_by, updated_at }, service, given, onGive, onSet, onRemove }: SecretRowProps) {
  const users = used_by.join(', ');
  return (
    <tr>
      <td>
        <code>{name}</code>
      </td>
      <td>
        <Checkbox
          size="xs"
          aria-label={texts.give(name, service)}
          checked={given}
          onChange={(event) => onGive(event.currentTarget.checked)}
        />
      </td>
      <td>{users || <span className="quiet">{texts.nobody}</span>}</td>
      <td>
        {updated_at === null ? (
          <Tooltip label={texts.missingText}>
            <span>
              <StatusMark tone="warning" word={texts.missing} />
            </span>
          </Tooltip>
        ) : (
          <Time at={updated_at} />
        )}
      </td>
      <td className={css.actions}>
        <Allowed to="secrets:write">
          <Button size="compact-sm" variant="subtle" aria-label={texts.setOf(name)} onClick={onSet}>
            {texts.set}
          </Button>
          {updated_at !== null && (
            <Tooltip label={texts.inUse(users)} disabled={users === ''}>
              <Button
                size="compact-sm"
                variant="subtle"
                color="gray"
                aria-label={texts.removeOf(name)}
                data-disabled={users !== '' || undefined}
                aria-disabled={users !== '' || undefined}
                onClick={() => users === '' && onRemove()}
              >
                {texts.remove}
              </Button>
            </Tooltip>
          )}
        </Allowed>
      </td>
    </tr>
  );
}

function withMissing(secrets: readonly (Entry & { updated_at: number })[], spec: StackSpec): Entry[] {
  const known = new Set(secrets.map(({ name }) => name));
  const users = new Map<string, string[]>();
  for (const [service, { secrets: named }] of Object.entries(spec.services)) {
    for (const name of named) if (!known.has(name)) users.set(name, [...(users.get(name) ?? []), service]);
  }
  const missing = [...users].map(([name, used_by]) => ({ name, used_by, updated_at: null }));
  return [...secrets, ...missing].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}
