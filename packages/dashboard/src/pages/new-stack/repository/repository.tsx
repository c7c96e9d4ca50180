/** The repository: its URL, how it is reached, and which branch or tag of it is meant. */
import { Alert, Button, TextInput } from '@mantine/core';
import { IconInfoCircle } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { queryClient, useRead } from '../../../api/queries.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { useDraft } from '../../../ui/draft.ts';
import { ErrorNotice, Section } from '../../../ui/page.tsx';
import { refusalText } from '../../../ui/refusal.ts';
import css from '../new-stack.module.css';
import { CredentialSelect, PublicKey } from './credential-select.tsx';
import { LookedAt } from './looked-at.tsx';
import { RefSelect } from './ref-select.tsx';

const texts = newStack.repository;
const route = getRouteApi('/stacks/new');

/** @param onRef Tells the chosen branch or tag, so that what was taken of this repository follows. */
export function Repository({ onRef }: { onRef(ref: string): void }) {
  const { git, ref, credential } = route.useSearch();
  const navigate = route.useNavigate();
  const [url, setUrl] = useDraft(`new-stack-git:${git ?? ''}`, git ?? '');
  const [isEmpty, setEmpty] = useState(false);
  const refs = useRead('sources.refs', sourceInput(git, credential), { enabled: git !== undefined });
  const found = useRead(
    'sources.inspect',
    { ...sourceInput(git, credential), ...(ref ? { ref } : {}) },
    {
      enabled: git !== undefined,
    },
  );
  const credentials = useRead('credentials.list', {}).data?.credentials ?? [];
  const publicKey = credentials.find(({ name }) => name === credential)?.public_key;
  const error = refs.error ?? found.error;
  // What is wrong with what was typed is said at its field; what the repository answered, below.
  const isTyped = error?.code === 'InvalidInput' && (error.field === 'git' || error.field === 'credential');
  const atField = (field: string) => (error?.field === field ? !isTyped || refusalText(error) : null);
  const look = () => {
    const wanted = url.trim();
    setEmpty(wanted === '');
    if (wanted === '') return;
    if (wanted !== git) return void navigate({ search: { git: wanted, credential } });
    void queryClient.invalidateQueries({
      predicate: ({ queryKey: [id] }) => typeof id === 'string' && id.startsWith('sources.'),
    });
  };
  return (
    <Section title={texts.title}>
      <div className={css.repository}>
        <TextInput
          id="repository-git"
          label={texts.git}
          placeholder={texts.gitPlaceholder}
          value={url}
          onChange={(event) => {
            setUrl(event.currentTarget.value);
            setEmpty(false);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            look();
          }}
          error={isEmpty ? texts.gitEmpty : atField('git')}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        <CredentialSelect
          value={credential ?? null}
          onChange={(next) => void navigate({ search: (before) => ({ ...before, credential: next ?? undefined }) })}
          error={atField('credential')}
        />
        <Button
          variant={url.trim() === git ? 'default' : 'filled'}
          onClick={look}
          loading={git !== undefined && (refs.isFetching || found.isFetching)}
        >
          {url.trim() === git ? texts.again : texts.look}
        </Button>
      </div>
      {git !== undefined && !error && (
        <div className={css.looked}>
          <RefSelect
            refs={refs.data}
            value={ref ?? found.data?.ref ?? refs.data?.default_branch ?? null}
            onChange={(next) => {
              onRef(next);
              void navigate({ search: (before) => ({ ...before, ref: next }), resetScroll: false });
            }}
          />
          <LookedAt found={found.data} />
        </div>
      )}
      {publicKey && <PublicKey text={publicKey} />}
      {error && !isTyped && (
        <div className={css.notice}>
          <ErrorNotice error={error} title={texts.failed} retry={look} />
          {credential === undefined && error.code === 'SourceUnavailable' && (
            <Alert color="gray" variant="light" icon={<IconInfoCircle />}>
              {texts.privateHint}
            </Alert>
          )}
        </div>
      )}
    </Section>
  );
}

export function sourceInput(git: string | undefined, credential: string | undefined) {
  return { git: git ?? '', ...(credential === undefined ? {} : { credential }) };
}
