/** Asks the agent that runs on this machine how it is, over its own socket, which only root can open. */
import type { AgentState } from '@mainstay/contract/agent-api';
import { http } from '@mainstay/runtime/node-http';
import { places } from './agent-file.ts';

export type RunningAgent = { ready: boolean; connected: boolean; state: AgentState };

const answer_ms = 5_000;
const answer_bytes_max = 16 * 1024 * 1024;

/** What the agent answers; null while none does. */
export function askAgent(socketPath: string = places.socket): Promise<RunningAgent | null> {
  return new Promise((resolve) => {
    const request = http.get({ socketPath, path: '/status', signal: AbortSignal.timeout(answer_ms), agent: false });
    request.once('error', () => resolve(null));
    request.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > answer_bytes_max) request.destroy();
      });
      response.once('error', () => resolve(null));
      response.once('end', () => {
        try {
          resolve(response.statusCode === 200 ? (JSON.parse(text) as RunningAgent) : null);
        } catch {
          resolve(null);
        }
      });
    });
  });
}
