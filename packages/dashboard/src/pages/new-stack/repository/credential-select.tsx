/** Chooses how a private repository is reached, or makes a credential for it right there. */
import { Select } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { newStack } from '../../../texts/new-stack.ts';
import { CopyButton } from '../../../ui/copy-button.tsx';
import css from '../new-stack.module.css';
import { NewCredential } from './new-credential.tsx';

const texts = newStack.repository;
const none = '';
const newKey = '\0key';
const newToken = '\0token';

export type CredentialSelectProps = { value: string | null; onChange(name: string | null): void; error: ReactNode };

export function CredentialSelect({ value, onChange, error }: CredentialSelectProps) {
  const [making, setMaking] = useState<'deploy_key' | 'token' | null>(null);
  const query = useRead('credentials.list', {});
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  const credentials = query.data?.credentials ?? [];
  const chosen = credentials.find(({ name }) => name === value);
  const mayMake = permissions.includes('secrets:write');
  return (
    <div>
      <Select
        id="repository-credential"
        label={texts.access}
        data={[
          { value: none, label: texts.publicAccess },
          ...(value !== null && !chosen ? [{ value, label: value }] : []),
          ...credentials.map(({ name, kind }) => ({ value: name, label: `${name} (${texts.kinds[kind]})` })),
          ...(mayMake
            ? [
                { value: newKey, label: texts.newKey },
                { value: newToken, label: texts.newToken },
              ]
            : []),
        ]}
        value={value ?? none}
        onChange={(next) => {
          if (next === newKey) return setMaking('deploy_key');
          if (next === newToken) return setMaking('token');
          onChange(next === none ? null : next);
        }}
        error={error}
        allowDeselect={false}
      />
      <NewCredential
        kind={making}
        taken={credentials.map(({ name }) => name)}
        onClose={() => setMaking(null)}
        onMade={onChange}
      />
    </div>
  );
}

export function PublicKey({ text }: { text: string }) {
  const words = newStack.credential;
  return (
    <div className={css.publicKey}>
      <p className={css.small}>{words.publicKey}</p>
      <div className={css.keyLine}>
        <code>{text}</code>
        <CopyButton text={text} />
      </div>
      <p className={css.small}>{words.publicKeyHint}</p>
    </div>
  );
}
