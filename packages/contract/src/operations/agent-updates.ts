/** Updates of the agents of many servers, in waves. */
import * as z from 'zod';
import { change } from '../operation.ts';
import { Labels } from '../server-labels.ts';
import { server_states_max } from '../server-state.ts';
import { RolloutSettings, ServerName } from '../stack.ts';
import { ExpectedRelease } from './servers.ts';

const { first, batch, pause_seconds } = RolloutSettings.shape;

export const updateAgents = change({
  id: 'servers.update_agents',
  summary: 'Update the agents of many servers to the release that this installation hands out, in waves',
  description:
    'One server first, then batches. A wave came through when each of its agents reports as the new version and no service on its server fell ill. When one does not, no further wave begins: a server whose agent failed has the one before again by itself, and the others keep the new one. Services run on all the while.',
  permission: 'servers:write',
  http: { method: 'POST', path: '/agent-updates' },
  cli: { command: ['servers', 'update-agents'] },
  input: {
    servers: z
      .array(ServerName)
      .min(1)
      .max(server_states_max)
      .optional()
      .describe('Only these; left out, all whose agent is another version.'),
    labels: Labels.optional().describe('Only servers that have all of these labels.'),
    version: ExpectedRelease,
    first,
    batch,
    pause_seconds,
    max_failed: z
      .int()
      .min(0)
      .max(server_states_max)
      .default(0)
      .describe('More servers than this may not fail: no further wave begins then.'),
  },
  errors: ['NotFound', 'Conflict'],
});
