/** Updating the agents that are another version than the one that is handed out here: all of them in waves, after a look at the plan. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { useRead } from '../../api/queries.ts';
import { servers as texts } from '../../texts/servers.ts';
import { ReviewChange } from '../../ui/review-change.tsx';
import { outdated } from './server-list.ts';

type Props = { servers: readonly ServerView[]; release: string | null };

export function UpdateAgents({ servers, release }: Props) {
  const [isOpen, setOpen] = useState(false);
  const permissions = useRead('system.whoami', {}).data?.permissions ?? [];
  const behind = outdated(servers, release);
  if (release === null || behind.length === 0 || !permissions.includes('servers:write')) return null;
  return (
    <>
      <Button variant="default" size="xs" onClick={() => setOpen(true)}>
        {texts.updateAgents.action(behind.length, release)}
      </Button>
      <ReviewChange
        change={isOpen ? { id: 'servers.update_agents', input: {} } : null}
        title={texts.updateAgents.title(release)}
        confirm={texts.updateAgents.confirm}
        onClose={() => setOpen(false)}
      >
        <p>{texts.updateAgents.lead}</p>
      </ReviewChange>
    </>
  );
}
