/** One heartbeat over a connection of its own, kept from no other: whether the control plane is reached through what is in force now. */
import { HeartbeatResponse } from '@mainstay/contract/agent-answers';
import type { AgentState } from '@mainstay/contract/agent-api';
import { createLinkClient } from './http.ts';

export type FreshHeartbeat = {
  url: string;
  ca_file: string | undefined;
  credential: string;
  observe(): Promise<AgentState>;
  now(): number;
};

const answer_ms = 10_000;

/** True when the control plane acknowledged it. What else the answer brings comes again with the next heartbeat. Never rejects. */
export async function isHeartbeatAcknowledged(options: FreshHeartbeat, signal: AbortSignal): Promise<boolean> {
  const client = createLinkClient({ url: options.url, ca_file: options.ca_file });
  client.setCredential(options.credential);
  try {
    const body = { sent_at: options.now(), state: await options.observe() };
    const answer = await client.send({
      method: 'POST',
      path: '/agent/v1/heartbeat',
      body,
      signal,
      timeout_ms: answer_ms,
    });
    return HeartbeatResponse.safeParse(answer.body).success;
  } catch {
    return false;
  } finally {
    client.close();
  }
}
