/** The tunnel of a server: whether it is connected, and setting, exchanging or removing it. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { TunnelObserved } from '@mainstay/contract/server-state';
import { Button, PasswordInput } from '@mantine/core';
import { useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { tunnel as texts } from '../../texts/tunnel.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { withoutEscapes } from '../../ui/log-view/ansi.ts';
import { Section } from '../../ui/page.tsx';
import { refusalText } from '../../ui/refusal.ts';
import { type Change, ReviewChange } from '../../ui/review-change.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import { Time } from '../../ui/time.tsx';
import type { Tone } from '../../ui/words.ts';
import css from './server.module.css';

const tones: Record<TunnelObserved['state'], Tone> = { connecting: 'busy', connected: 'good', down: 'bad' };

export function ServerTunnel({ server, reported }: { server: ServerView; reported: AgentState }) {
  const { tunnel, security } = reported;
  const [asks, setAsks] = useState<'set' | 'remove' | null>(null);
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  const close = () => setAsks(null);
  return (
    <Section
      title={texts.title}
      aside={
        permissions.includes('servers:write') && (
          <div className={css.buttons}>
            {tunnel && (
              <Button variant="default" size="xs" onClick={() => setAsks('remove')}>
                {texts.remove}
              </Button>
            )}
            <Button variant="default" size="xs" onClick={() => setAsks('set')}>
              {tunnel ? texts.exchange : texts.set}
            </Button>
          </div>
        )
      }
    >
      <div className={css.drift}>
        {tunnel ? (
          <>
            <StatusMark tone={tones[tunnel.state]} word={`${tunnel.kind}: ${texts.state[tunnel.state]}`} />
            <p className={css.driftMore}>
              {tunnel.message && <Foreign text={withoutEscapes(tunnel.message)} />}
              {tunnel.since !== null && (
                <>
                  {' '}
                  {texts.since} <Time at={tunnel.since} />
                </>
              )}
            </p>
          </>
        ) : (
          <p className={css.driftMore}>{security?.mode === 'tunnel' ? texts.noneClosed : texts.none}</p>
        )}
      </div>
      {asks === 'set' && <SetTunnel server={server.name} onClose={close} />}
      {asks === 'remove' && (
        <ReviewChange
          change={{ id: 'servers.tunnel_remove', input: { server: server.name } }}
          title={texts.removeTitle(server.name)}
          confirm={texts.removeConfirm}
          onClose={close}
        />
      )}
    </Section>
  );
}

/** Asks for the token, then shows what setting it would do. */
function SetTunnel({ server, onClose }: { server: string; onClose(): void }) {
  const words = texts.form;
  const [token, setToken] = useState('');
  const [refusal, setRefusal] = useState<string | null>(null);
  const [change, setChange] = useState<Change | null>(null);
  return (
    <>
      <FormDialog
        opened={change === null}
        title={words.title(server)}
        lead={words.lead}
        submit={words.review}
        onSubmit={() => {
          if (token.trim() === '') return setRefusal(words.missing);
          setRefusal(null);
          setChange({ id: 'servers.tunnel_set', input: { server, token: token.trim() } });
        }}
        onClose={onClose}
      >
        <PasswordInput
          label={words.token}
          description={words.tokenHint}
          value={token}
          onChange={(event) => setToken(event.currentTarget.value)}
          error={refusal}
          autoComplete="off"
          data-autofocus
        />
      </FormDialog>
      <ReviewChange
        change={change}
        title={words.reviewTitle(server)}
        confirm={words.confirm}
        onClose={onClose}
        onRefused={(error) => {
          setRefusal(refusalText(error));
          setChange(null);
        }}
      />
    </>
  );
}
