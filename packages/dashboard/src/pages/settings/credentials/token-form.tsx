/** Stores an access token, or puts another in the place of one. The token stays in this component's memory, and goes with it. */
import { PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import { NameField, ReviewedForm } from '../reviewed-form.tsx';

const texts = settings.credentials;

export type TokenFormProps = {
  /** The token that gets another value; null for a new one. */
  exchanged: { name: string; username: string } | null;
  onDone(): void;
};

export function TokenForm({ exchanged, onDone }: TokenFormProps) {
  const start = exchanged ?? { name: '', username: 'git' };
  const [draft, setDraft, discard] = useDraft(`credentials:token:${start.name}`, start);
  const [token, setToken] = useState('');
  const name = draft.name.trim();
  return (
    <ReviewedForm
      title={exchanged ? texts.replaceLabel(exchanged.name) : texts.addToken}
      submit={texts.review}
      review={{
        title: texts.tokenTitle(name),
        text: texts.tokenText,
        confirm: exchanged ? texts.replace : texts.addToken,
      }}
      changeOf={() => {
        if (name === '') return { field: 'name', message: texts.nameEmpty };
        if (token === '') return { field: 'token', message: texts.valueEmpty };
        return { id: 'credentials.set_token', input: { name, username: draft.username.trim(), token } };
      }}
      onCancel={onDone}
      onAccepted={() => {
        setToken('');
        discard();
      }}
      onSucceeded={onDone}
    >
      {(refusal) => (
        <>
          <NameField
            label={texts.name}
            hint={texts.nameHint}
            value={draft.name}
            set={(name) => setDraft({ ...draft, name })}
            refusal={refusal}
            readOnly={exchanged !== null}
            first={exchanged === null}
          />
          <NameField
            label={texts.user}
            hint={texts.userHint}
            value={draft.username}
            set={(username) => setDraft({ ...draft, username })}
            refusal={refusal}
            field="username"
          />
          <PasswordInput
            label={texts.value}
            description={texts.valueHint}
            value={token}
            onChange={(event) => setToken(event.currentTarget.value)}
            error={refusal.at('token')}
            autoComplete="new-password"
            spellCheck={false}
          />
        </>
      )}
    </ReviewedForm>
  );
}
