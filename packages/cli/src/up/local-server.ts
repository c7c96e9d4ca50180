/** This machine as a server of the control plane: invited once, enrolled by its agent. */
import type { Client } from '@mainstay/contract/client';
import { AppError } from '@mainstay/contract/errors';
import type { ServerView } from '@mainstay/contract/operations/servers';

export const serverName = 'local';

const poll_ms = 200;

/** A token for an agent that is not enrolled yet; an invitation whose token was lost is made anew. Null when it is enrolled. */
export async function enrolmentToken(
  client: Client,
  before: ServerView | null,
  stack: string | null,
): Promise<string | null> {
  if (before?.enrolled_at) {
    if (stack !== null && before.stack !== stack) await client['servers.assign']({ server: serverName, stack });
    return null;
  }
  const { result } = await client['servers.invite']({ server: serverName, ...(stack === null ? {} : { stack }) });
  if (!result?.token) throw new AppError('Internal', 'The invitation of this machine came without a token.');
  return result.token;
}

/** True once the agent that was started then has reported; false when it did not in time. */
export async function isServerOnline(
  client: Client,
  options: { started_at: number; timeout_ms: number; signal: AbortSignal },
): Promise<boolean> {
  const since = Date.now();
  while (Date.now() - since < options.timeout_ms) {
    options.signal.throwIfAborted();
    const { server, reported } = await client['servers.get']({ server: serverName });
    // What an earlier agent reported last says nothing of now.
    if (server.state === 'online' && reported !== null && reported.started_at >= options.started_at) return true;
    await new Promise((resolve) => setTimeout(resolve, poll_ms));
  }
  return false;
}
