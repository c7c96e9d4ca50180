/** Looking into a server without a terminal on it. */
import * as z from 'zod';
import { ServerDiagnosis } from '../diagnosis.ts';
import { read } from '../operation.ts';
import { ServerName } from '../stack.ts';

export const diagnoseServer = read({
  id: 'servers.diagnose',
  summary: 'Ask a server how it is now: units, ports, disks, memory, clock, checks and last log lines',
  description:
    'The server is asked at once, and answers within 10 seconds with at most 256 KiB. It reads and changes nothing. A server that is offline cannot answer.',
  permission: 'logs:read',
  http: { method: 'GET', path: '/servers/{server}/diagnosis' },
  cli: { command: ['servers', 'diagnose'], args: ['server'] },
  input: {
    server: ServerName,
    unit: z
      .string()
      .min(1)
      .max(128)
      .optional()
      .describe('Whose last lines to show beside those of the agent: `proxy`, `tunnel` or `service/<name>`.'),
    lines: z.int().min(1).max(500).default(50).describe('Of each log.'),
  },
  output: z.object({ server: ServerName, asked_at: z.int(), diagnosis: ServerDiagnosis }),
  errors: ['NotFound', 'Conflict'],
});
