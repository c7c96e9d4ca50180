/** The credentials with which servers fetch private repositories: made, exchanged and removed here; secret halves only go in. */
import { Button } from '@mantine/core';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { getRouteApi } from '@tanstack/react-router';
import { useState } from 'react';
import { useRead } from '../../../api/queries.ts';
import { settings } from '../../../texts/settings.ts';
import { CodeBlock } from '../../../ui/code-block.tsx';
import { EmptyState, Fetched, Rows, Section } from '../../../ui/page.tsx';
import { type Change, ReviewChange } from '../../../ui/review-change.tsx';
import css from '../settings.module.css';
import { CredentialTable } from './credential-table.tsx';
import { DeployKeyForm, type MadeKey } from './deploy-key-form.tsx';
import { TokenForm } from './token-form.tsx';

const texts = settings.credentials;
const route = getRouteApi('/settings');

export function CredentialsTab() {
  const { add } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useRead('credentials.list', {});
  const may = useRead('system.whoami', {}).data?.permissions.includes('secrets:write') === true;
  const [made, setMade] = useState<MadeKey | null>(null);
  const [removing, setRemoving] = useState<string | null>(null);
  /** The token that is exchanged; null when a new one is stored. */
  const [exchanged, setExchanged] = useState<{ name: string; username: string } | null>(null);
  const open = (form: typeof add) => {
    if (form === undefined) setExchanged(null);
    void navigate({ search: (before) => ({ ...before, add: form }), replace: true, resetScroll: false });
  };
  const removal: Change | null = removing === null ? null : { id: 'credentials.remove', input: { name: removing } };
  return (
    <div className={css.tab}>
      <div className={css.line}>
        <p className="quiet">{texts.lead}</p>
        {may && (
          <div className={css.controls}>
            <Button variant="default" leftSection={<IconPlus size={15} />} onClick={() => open('token')}>
              {texts.addToken}
            </Button>
            <Button leftSection={<IconPlus size={15} />} onClick={() => open('deploy_key')}>
              {texts.addKey}
            </Button>
          </div>
        )}
      </div>
      {made && (
        <div className={css.made} role="status">
          <p>{texts.made(made.name)}</p>
          <CodeBlock text={made.public_key} copyLabel={texts.copyKey} />
          <div className={css.controls}>
            <Button size="xs" variant="default" onClick={() => setMade(null)}>
              {texts.hide}
            </Button>
          </div>
        </div>
      )}
      {may && add === 'deploy_key' && (
        <DeployKeyForm
          onMade={(key) => {
            setMade(key);
            open(undefined);
          }}
          onCancel={() => open(undefined)}
        />
      )}
      {may && add === 'token' && (
        <TokenForm key={exchanged?.name} exchanged={exchanged} onDone={() => open(undefined)} />
      )}
      <Section flush>
        <Fetched query={query} skeleton={<Rows count={3} />}>
          {({ credentials }) =>
            credentials.length === 0 ? (
              <EmptyState title={texts.none} icon={<IconKey size={28} />}>
                {texts.noneText}
              </EmptyState>
            ) : (
              <CredentialTable
                credentials={credentials}
                mayChange={may}
                onExchange={({ name, username }) => {
                  setExchanged({ name, username: username ?? 'git' });
                  open('token');
                }}
                onRemove={({ name }) => setRemoving(name)}
              />
            )
          }
        </Fetched>
      </Section>
      <ReviewChange
        change={removal}
        title={texts.removeTitle(removing ?? '')}
        confirm={texts.remove}
        onClose={() => setRemoving(null)}
      >
        <p className="quiet">{texts.removeText}</p>
      </ReviewChange>
    </div>
  );
}
