/**
 * Adds a server: a name, a one-time token, the line to run on the machine, and a list that ticks by itself as the machine
 * appears. The token is in this component's memory and nowhere else; losing it means making a new one.
 */
import { Button, Modal } from '@mantine/core';
import { getRouteApi, Link, useBlocker } from '@tanstack/react-router';
import { useState } from 'react';
import { useMay } from '../../api/may.ts';
import { useRead } from '../../api/queries.ts';
import { addServer as texts } from '../../texts/add-server.ts';
import { general } from '../../texts/general.ts';
import { Page } from '../../ui/page.tsx';
import css from './add-server.module.css';
import { ConnectMachine } from './connect-machine.tsx';
import { EnrolChecklist } from './enrol-checklist.tsx';
import { InvitationForm } from './invitation-form.tsx';

const route = getRouteApi('/servers/add');

/** What an invitation gave; the token is null when it was given before, the line also where the panel hands out no agent. */
export type Invitation = { server: string; token: string | null; install: string | null; expires_at: number };

export function AddServerPage() {
  const { server } = route.useSearch();
  const navigate = route.useNavigate();
  const [invitation, setInvitation] = useState<Invitation | null>(null);
  const may = useMay()('servers:write');
  const current = invitation?.server === server ? invitation : null;
  return (
    <Page
      title={texts.title}
      trail={<Link to="/servers">{texts.trail}</Link>}
      lead={server === undefined ? texts.lead : undefined}
    >
      {!may ? (
        <p className="quiet">{general.notAllowed}</p>
      ) : server === undefined ? (
        <InvitationForm
          onInvited={(made) => {
            setInvitation(made);
            void navigate({ search: { server: made.server } });
          }}
        />
      ) : (
        <Invited key={server} server={server} invitation={current} />
      )}
    </Page>
  );
}

function Invited({ server, invitation }: { server: string; invitation: Invitation | null }) {
  const query = useRead('servers.get', { server }, { every_ms: 3_000 });
  const enrolled = query.data ? query.data.server.enrolled_at !== null : false;
  const isTokenNeeded = invitation?.token != null && !enrolled;
  return (
    <div className={css.columns}>
      <div className={css.main}>
        <ConnectMachine server={query.data?.server ?? null} name={server} invitation={invitation} />
      </div>
      <EnrolChecklist name={server} query={query} />
      <LeaveQuestion isNeeded={isTokenNeeded} />
    </div>
  );
}

/** The token would be lost with the page: asks before that. */
function LeaveQuestion({ isNeeded }: { isNeeded: boolean }) {
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isNeeded && current.pathname !== next.pathname,
    enableBeforeUnload: () => isNeeded,
    withResolver: true,
  });
  return (
    <Modal opened={blocker.status === 'blocked'} onClose={() => blocker.reset?.()} title={texts.leaveTitle}>
      <p>{texts.leaveText}</p>
      <div className={css.buttons}>
        <Button variant="default" onClick={() => blocker.proceed?.()}>
          {texts.leave}
        </Button>
        <Button onClick={() => blocker.reset?.()} data-autofocus>
          {texts.stay}
        </Button>
      </div>
    </Modal>
  );
}
