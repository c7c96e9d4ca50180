/** Updating the agents that are another version than the one that is handed out here: all of them in waves, after a look at the plan. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Button } from '@mantine/core';
import { useState } from 'react';
import { servers as texts } from '../../texts/servers.ts';
import { Allowed } from '../../ui/allowed.tsx';
import { ReviewChange } from '../../ui/review-change.tsx';
import { outdated } from './server-list.ts';

type Props = { servers: readonly ServerView[]; release: string | null };

export function UpdateAgents({ servers, release }: Props) {
  /** The release that is being reviewed or followed, to its end, when no agent is behind any more. */
  const [version, setVersion] = useState<string | null>(null);
  const behind = outdated(servers, release);
  return (
    <Allowed to="servers:write">
      {release !== null && behind.length > 0 && (
        <Button variant="default" size="xs" onClick={() => setVersion(release)}>
          {texts.updateAgents.action(behind.length, release)}
        </Button>
      )}
      <ReviewChange
        change={version === null ? null : { id: 'servers.update_agents', input: { version } }}
        title={texts.updateAgents.title(version ?? release ?? '')}
        confirm={texts.updateAgents.confirm}
        onClose={() => setVersion(null)}
      >
        <p>{texts.updateAgents.lead}</p>
      </ReviewChange>
    </Allowed>
  );
}
