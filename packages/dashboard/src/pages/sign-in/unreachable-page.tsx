/** The control plane does not answer: says so, and tries again by itself. */
import type { AppError } from '@mainstay/contract/app-error';
import { useEffect } from 'react';
import { signIn as texts } from '../../texts/sign-in.ts';
import { ErrorNotice } from '../../ui/page.tsx';
import css from './sign-in-page.module.css';

const retry_ms = 3_000;

export function UnreachablePage({ error, retry }: { error: AppError; retry(): void }) {
  useEffect(() => {
    const timer = setInterval(retry, retry_ms);
    return () => clearInterval(timer);
  }, [retry]);
  return (
    <main className={css.page}>
      <div className={css.card}>
        <h1>{texts.unreachableTitle}</h1>
        <p className="quiet">{texts.unreachableText}</p>
        <ErrorNotice error={error} retry={retry} title={texts.unreachableTitle} />
      </div>
    </main>
  );
}
