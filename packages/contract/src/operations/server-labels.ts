/** Labels and environments of servers: what policies match, said by people. */
import * as z from 'zod';
import { change } from '../operation.ts';
import { LabelKey, Labels, labels_max } from '../server-labels.ts';
import { ServerName } from '../stack.ts';

export const labelServer = change({
  id: 'servers.label',
  summary: 'Set and take away labels of a server, and say what environment it is',
  description:
    'Policies match them. The change is judged by what the server is and by what it is to be: who may not touch `tier=production` can neither give nor take it.',
  permission: 'servers:write',
  http: { method: 'POST', path: '/servers/{server}/labels' },
  cli: { command: ['servers', 'label'], args: ['server'] },
  input: {
    server: ServerName,
    set: Labels.optional().describe('Labels to set, by their keys.'),
    remove: z.array(LabelKey).max(labels_max).optional().describe('Keys of labels to take away.'),
    // One kind of value, so that the command line takes it as it stands.
    environment: z
      .string()
      .max(63)
      .regex(
        /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/,
        'must be lower-case letters, digits and dashes, such as `production`, or empty',
      )
      .optional()
      .describe('Environment of the server, such as `production`; empty takes it away, left out: as it is.'),
  },
  errors: ['NotFound', 'Conflict'],
});
