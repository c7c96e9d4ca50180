/** What keeps a server of the stack from what is desired, where no single service is to blame; and what its agent complains of. */
import type { ServerView } from '@mainstay/contract/operations/servers';
import { Alert } from '@mantine/core';
import { IconServer2 } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { useRead } from '../../api/queries.ts';
import { head as texts } from '../../texts/stack/head.ts';
import { Foreign } from '../../ui/foreign.tsx';

/** More are on the page of the servers. */
const shown_max = 3;

export function ServerNotices({ stack }: { stack: string }) {
  const servers = useRead('servers.list', {}).data?.servers ?? [];
  const troubled = servers.filter(
    (server) =>
      server.stack === stack && server.state === 'online' && (!server.converged || server.problems.length > 0),
  );
  return troubled.slice(0, shown_max).map((server) => <ServerNotice key={server.id} server={server} />);
}

function ServerNotice({ server }: { server: ServerView }) {
  const receipt = useRead('servers.get', { server: server.name }, { enabled: !server.converged }).data?.reported
    ?.receipt;
  const isOfServices = Object.values(receipt?.services ?? {}).some(({ state }) => state === 'failed');
  const failure = !server.converged && receipt?.state === 'failed' && !isOfServices ? receipt : null;
  const told = [...(failure?.message ? [failure.message] : []), ...server.problems];
  if (told.length === 0) return null;
  return (
    <Alert
      color="yellow"
      variant="light"
      icon={<IconServer2 />}
      title={
        <Link to="/servers/$server" params={{ server: server.name }}>
          {texts.serverTrouble(server.name)}
        </Link>
      }
    >
      {told.map((text) => (
        <p key={text}>
          <Foreign text={text} chars_max={600} />
        </p>
      ))}
      {failure?.hint && (
        <p className="quiet">
          <Foreign text={failure.hint} />
        </p>
      )}
    </Alert>
  );
}
