/** What speaks for the person: browsers that are signed in, and API tokens. */
import { Button } from '@mantine/core';
import { IconPlus } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { settings } from '../../../texts/settings.ts';
import { CodeBlock } from '../../../ui/code-block.tsx';
import { Fetched, Rows, Section } from '../../../ui/page.tsx';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from '../settings.module.css';
import { SessionTable, TokenTable } from './key-tables.tsx';
import { type MadeToken, TokenForm } from './token-form.tsx';

const texts = settings.access;
const route = getRouteApi('/settings');

type Ending = { kind: 'session' | 'token'; id: string; name: string };

export function AccessTab() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const sessions = useRead('access.list_sessions', {});
  const tokens = useRead('access.list_tokens', {});
  const own = useRead('system.whoami', {}).data?.actor.role ?? null;
  const [made, setMade] = useState<MadeToken | null>(null);
  const [ending, setEnding] = useState<Ending | null>(null);
  const open = (form: 'api_token' | undefined) =>
    void navigate({ search: (before) => ({ ...before, add: form }), replace: true, resetScroll: false });
  return (
    <div className={css.tab}>
      <div className={css.line}>
        <p className="quiet">{texts.lead}</p>
        <Button leftSection={<IconPlus size={15} />} onClick={() => open('api_token')}>
          {texts.add}
        </Button>
      </div>
      {made && <ShownToken made={made} forget={() => setMade(null)} />}
      {add === 'api_token' && (
        <TokenForm
          own={own}
          onMade={(token) => {
            setMade(token);
            open(undefined);
          }}
          onCancel={() => open(undefined)}
        />
      )}
      <Section title={texts.tokens} flush>
        <Fetched query={tokens} skeleton={<Rows count={2} />}>
          {(data) => (
            <TokenTable tokens={data.tokens} onRevoke={({ id, name }) => setEnding({ kind: 'token', id, name })} />
          )}
        </Fetched>
      </Section>
      <Section title={texts.sessions} flush>
        <Fetched query={sessions} skeleton={<Rows count={2} />}>
          {(data) => (
            <SessionTable
              sessions={data.sessions}
              onEnd={({ id, user_agent }) => setEnding({ kind: 'session', id, name: user_agent ?? texts.unknown })}
            />
          )}
        </Fetched>
      </Section>
      <ReviewChange
        change={ending && changeOf(ending)}
        title={ending?.kind === 'token' ? texts.revokeTitle(ending.name) : texts.endTitle}
        confirm={ending?.kind === 'token' ? texts.revoke : texts.end}
        onClose={() => setEnding(null)}
      >
        <p className="quiet">{ending?.kind === 'token' ? texts.revokeText : texts.endText}</p>
      </ReviewChange>
    </div>
  );
}

function changeOf({ kind, id }: Ending): Change {
  return kind === 'token' ? { id: 'access.revoke_token', input: { id } } : { id: 'access.end_session', input: { id } };
}

function ShownToken({ made: { name, token }, forget }: { made: MadeToken; forget(): void }) {
  return (
    <div className={css.made} role="status">
      <p>{token === null ? texts.gone : texts.made(name)}</p>
      {token !== null && <CodeBlock text={token} copyLabel={texts.copy} />}
      <div className={css.controls}>
        <Button size="xs" variant="default" onClick={forget}>
          {texts.forget}
        </Button>
      </div>
    </div>
  );
}
