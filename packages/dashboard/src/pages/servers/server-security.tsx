/** What of a server can be reached from outside: its security mode, whether it holds, and who is there by SSH now. */
import type { AgentState } from '@mainstay/contract/agent-api';
import type { ServerView } from '@mainstay/contract/operations/servers';
import type { SecurityObserved } from '@mainstay/contract/server-state';
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { security as texts } from '../../texts/security.ts';
import { Foreign } from '../../ui/foreign.tsx';
import { withoutEscapes } from '../../ui/log-view/ansi.ts';
import { Section } from '../../ui/page.tsx';
import { StatusMark } from '../../ui/status-mark.tsx';
import type { Tone } from '../../ui/words.ts';
import css from './server.module.css';
import { SetSecurity } from './set-security.tsx';

const tones: Record<SecurityObserved['state'], Tone> = {
  off: 'idle',
  in_force: 'good',
  confirming: 'busy',
  reverted: 'warning',
  drifted: 'warning',
  failed: 'bad',
};

export function ServerSecurity({ server, reported }: { server: ServerView; reported: AgentState }) {
  const { security } = reported;
  const [opened, setOpened] = useState(false);
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  const can_change = security !== null && permissions.includes('servers:write');
  return (
    <Section
      title={texts.title}
      aside={
        can_change && (
          <Button variant="default" size="xs" onClick={() => setOpened(true)}>
            {texts.change}
          </Button>
        )
      }
    >
      {security ? <Observed server={server} security={security} /> : <Unknown />}
      {security && opened && <SetSecurity server={server} security={security} onClose={() => setOpened(false)} />}
    </Section>
  );
}

function Unknown() {
  return (
    <div className={css.drift}>
      <StatusMark tone="idle" word={texts.unknown} />
      <p className={css.driftMore}>{texts.unknownHint}</p>
    </div>
  );
}

function Observed({ server, security }: { server: ServerView; security: SecurityObserved }) {
  const { mode, state, firewall, open_ports, ssh_from, ssh_peers, message } = security;
  const is_closed = mode !== 'none';
  return (
    <>
      <div className={css.drift}>
        <StatusMark tone={tones[state]} word={`${texts.mode[mode]}: ${texts.state[state]}`} />
        {message && (
          <p className={css.driftMore}>
            <Foreign text={withoutEscapes(message)} />
          </p>
        )}
        {is_closed && server.security_mode === mode && <p className={css.driftMore}>{texts.ofStack}</p>}
      </div>
      <dl className={css.facts}>
        <Fact word={texts.ports}>{is_closed ? open_ports.join(', ') || texts.noPorts : texts.allPorts}</Fact>
        <Fact word={texts.sshFrom}>
          <Foreign text={is_closed ? ssh_from.join(', ') || texts.noSsh : texts.anySsh} />
        </Fact>
        <Fact word={texts.peers}>
          <Foreign text={ssh_peers.join(', ') || texts.noPeers} />
        </Fact>
        {firewall && <Fact word={texts.writtenBy}>{texts.firewall[firewall]}</Fact>}
      </dl>
    </>
  );
}

function Fact({ word, children }: { word: string; children: ReactNode }) {
  return (
    <div>
      <dt>{word}</dt>
      <dd>{children}</dd>
    </div>
  );
}
