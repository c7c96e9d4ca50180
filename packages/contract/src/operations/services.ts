/** Services: the workloads of a stack, as they are observed on its servers. */
import * as z from 'zod';
import { ServiceObserved } from '../agent-api.ts';
import { CommitSha, ReleaseId } from '../desired-state.ts';
import { read } from '../operation.ts';
import { ServiceName, StackName } from '../stack.ts';

export const ServiceOnServer = z
  .object({
    stack: StackName,
    service: ServiceName,
    server: z.string(),
    server_online: z.boolean().describe('When false, the rest is what was last reported.'),
    reported_at: z.int().nullable(),
    desired_release_id: ReleaseId.nullable(),
    desired_commit: CommitSha.nullable(),
    route: z
      .string()
      .nullable()
      .describe('Path under which it is reached from outside; null when it is internal only.'),
    observed: ServiceObserved.nullable().describe('Null until the server has reported it.'),
  })
  .meta({ id: 'ServiceOnServer' });
export type ServiceOnServer = z.infer<typeof ServiceOnServer>;

export const listServices = read({
  id: 'services.list',
  summary: 'List the services, per server that runs them',
  permission: 'stacks:read',
  http: { method: 'GET', path: '/services' },
  cli: { command: ['services', 'list'] },
  input: {
    stack: StackName.optional(),
    server: z.string().max(64).optional(),
    service: ServiceName.optional(),
  },
  output: z.object({ services: z.array(ServiceOnServer) }),
  errors: ['NotFound'],
});

/**
 * The failure of the last candidate, while it is news: null when another candidate is under way, and when the release that
 * failed serves by now.
 */
export function recentFailure(observed: ServiceObserved | null): NonNullable<ServiceObserved['last_failure']> | null {
  const failure = observed?.last_failure ?? null;
  if (!observed || !failure || observed.candidate || failure.release_id === observed.release_id) return null;
  return failure;
}
