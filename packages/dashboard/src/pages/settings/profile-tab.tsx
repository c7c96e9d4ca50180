/** Who is signed in, how that was proven, what they may do; a link to sign in elsewhere, and the way out. */
import { AppError } from '@mainstay/contract/app-error';
import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useRead } from '../../api/queries.ts';
import { signOut } from '../../api/session.ts';
import { settings } from '../../texts/settings.ts';
import facts from '../../ui/facts.module.css';
import { Foreign } from '../../ui/foreign.tsx';
import { ErrorNotice, Fetched, Rows, Section } from '../../ui/page.tsx';
import css from './settings.module.css';
import { SignInLink } from './sign-in-link.tsx';

const texts = settings.profile;

export function ProfileTab() {
  const query = useRead('system.whoami', {});
  return (
    <Fetched query={query} skeleton={<Rows count={6} />}>
      {({ actor, permissions }) => (
        <div className={css.tab}>
          <Section>
            <dl className={facts.facts}>
              <div>
                <dt>{texts.who}</dt>
                <dd>
                  <Foreign text={actor.name} />
                </dd>
              </div>
              <div>
                <dt>{texts.role}</dt>
                <dd>{actor.role === null ? texts.noRole : texts.roles[actor.role]}</dd>
              </div>
              <div>
                <dt>{texts.proof}</dt>
                <dd>{texts.proofs[actor.proof]}</dd>
              </div>
              <div>
                <dt>{texts.permissions}</dt>
                <dd className={css.permissions}>
                  {permissions.map((permission) => (
                    <code key={permission}>{permission}</code>
                  ))}
                </dd>
              </div>
            </dl>
          </Section>
          {permissions.includes('access:write') && <SignInLink />}
          <SignOut />
        </div>
      )}
    </Fetched>
  );
}

function SignOut() {
  const leaving = useMutation<void, AppError>({
    mutationFn: signOut,
    // Everything that was read goes with the page.
    onSuccess: () => location.reload(),
  });
  return (
    <Section title={texts.signOut}>
      <div className={css.line}>
        <p className="quiet">{texts.signOutHint}</p>
        <Button variant="default" loading={leaving.isPending} onClick={() => leaving.mutate()}>
          {texts.signOut}
        </Button>
      </div>
      {leaving.error && <ErrorNotice error={asAppError(leaving.error)} title={texts.signOutFailed} />}
    </Section>
  );
}

function asAppError(error: unknown): AppError {
  return error instanceof AppError ? error : new AppError('Internal', String(error));
}
