/** How to sign in, for who is not: with the one-time link that the command line gives. */
import { AppError } from '@mainstay/contract/app-error';
import { Button, TextInput } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { queryClient } from '../../api/queries.ts';
import { signIn } from '../../api/session.ts';
import { general } from '../../texts/general.ts';
import { signIn as texts } from '../../texts/sign-in.ts';
import { CopyButton } from '../../ui/copy-button.tsx';
import mark from '../../ui/mark.svg';
import { ErrorNotice } from '../../ui/page.tsx';
import { useSignInRefusal } from './refusal.ts';
import css from './sign-in-page.module.css';

export function SignInPage() {
  const [link, setLink] = useState('');
  const refusal = useSignInRefusal();
  const attempt = useMutation<void, AppError, string>({
    mutationFn: async (text) => {
      if (text.trim() === '') throw new AppError('InvalidInput', texts.empty, { field: 'key' });
      await signIn(text);
    },
    onSuccess: () => queryClient.resetQueries(),
  });
  useEffect(() => {
    document.title = `${texts.title} · ${general.product}`;
  }, []);
  const error = attempt.error ?? refusal;
  return (
    <main className={css.page}>
      <form
        className={css.card}
        onSubmit={(event) => {
          event.preventDefault();
          attempt.mutate(link);
        }}
      >
        <img src={mark} alt="" width="44" height="44" />
        <h1>{texts.title}</h1>
        <p className="quiet">{texts.lead}</p>
        <div className={css.command}>
          <code>{texts.command}</code>
          <CopyButton text={texts.command} />
        </div>
        <p className="quiet">{texts.commandHint}</p>
        <TextInput
          type="password"
          label={texts.field}
          placeholder={texts.placeholder}
          value={link}
          onChange={(event) => setLink(event.currentTarget.value)}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
        />
        {error && <ErrorNotice error={error} title={texts.refused} />}
        <Button type="submit" loading={attempt.isPending}>
          {texts.submit}
        </Button>
      </form>
    </main>
  );
}
