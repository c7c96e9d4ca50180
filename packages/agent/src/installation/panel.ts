/** Asks the panel whether it lives, over the same link and authority that the agent uses. */
import { createLinkClient } from '../link/http.ts';
import type { AgentFile } from './agent-file.ts';

export type PanelAnswer = {
  seconds: number;
  /** By how much this machine's clock is ahead of the panel's, to the second; null when it does not say its time. */
  skew_ms: number | null;
};

/** @throws AppError when it cannot be reached, with why. */
export async function askPanel({ url, ca_file }: Pick<AgentFile, 'url' | 'ca_file'>): Promise<PanelAnswer> {
  let skew_ms: number | null = null;
  const onDate = (remote_ms: number) => {
    skew_ms = Date.now() - remote_ms;
  };
  const client = createLinkClient({ url, ca_file: ca_file ?? undefined, onDate });
  const began = performance.now();
  try {
    await client.send({ method: 'GET', path: '/livez', timeout_ms: 10_000 });
    return { seconds: (performance.now() - began) / 1000, skew_ms };
  } finally {
    client.close();
  }
}
