/** Stores an access token, or puts another in the place of one. The token stays in this component's memory, and goes with it. */
import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useState } from 'react';
import { general } from '../../../texts/general.ts';
import { settings } from '../../../texts/settings.ts';
import { useDraft } from '../../../ui/draft.ts';
import { Section } from '../../../ui/page.tsx';
import { useRefusal } from '../../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from '../settings.module.css';

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
  const [change, setChange] = useState<Change | null>(null);
  const refusal = useRefusal(() => setChange(null));
  const name = draft.name.trim();
  return (
    <Section title={exchanged ? texts.replaceLabel(exchanged.name) : texts.addToken}>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (name === '') return refusal.say('name', texts.nameEmpty);
          if (token === '') return refusal.say('token', texts.valueEmpty);
          refusal.clear();
          setChange({ id: 'credentials.set_token', input: { name, username: draft.username.trim(), token } });
        }}
      >
        <TextInput
          label={texts.name}
          description={texts.nameHint}
          value={draft.name}
          onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
          error={refusal.at('name')}
          readOnly={exchanged !== null}
          autoComplete="off"
          spellCheck={false}
          data-autofocus={exchanged === null || undefined}
        />
        <TextInput
          label={texts.user}
          description={texts.userHint}
          value={draft.username}
          onChange={(event) => setDraft({ ...draft, username: event.currentTarget.value })}
          error={refusal.at('username')}
          autoComplete="off"
          spellCheck={false}
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
        <div className={css.controls}>
          <Button type="submit">{texts.review}</Button>
          <Button variant="default" onClick={onDone}>
            {general.cancel}
          </Button>
        </div>
      </form>
      <ReviewChange
        change={change}
        title={texts.tokenTitle(name)}
        confirm={exchanged ? texts.replace : texts.addToken}
        onClose={() => setChange(null)}
        onRefused={refusal.take}
        onAccepted={() => {
          setToken('');
          discard();
        }}
        onSucceeded={onDone}
      >
        <p className="quiet">{texts.tokenText}</p>
      </ReviewChange>
    </Section>
  );
}
