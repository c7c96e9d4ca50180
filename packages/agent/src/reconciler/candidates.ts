/** Step two of a rollout: the new releases run beside the old ones, healthy, before any request goes to them. */
import type { DesiredService } from '@mainstay/contract/desired-state';
import { AppError } from '@mainstay/contract/errors';
import { type Context, DeployFailure } from './context.ts';
import type { Drains } from './drains.ts';
import { waitUntilHealthy } from './health-gate.ts';
import type { Instances, LiveInstance } from './instances.ts';
import { isFree, type Ports } from './ports.ts';
import type { Progress } from './progress.ts';

export type CandidateNeeds = {
  context: Context;
  instances: Instances;
  ports: Ports;
  drains: Drains;
  progress: Progress;
};

/** Starts a candidate and waits until it is healthy; one that fails is stopped and gone. Throws DeployFailure. */
export async function startCandidate(
  needs: CandidateNeeds,
  service: string,
  desired: DesiredService,
  operation_id: string,
  signal: AbortSignal,
): Promise<LiveInstance> {
  const { context, instances, progress } = needs;
  const { release_id } = desired;
  progress.enter(service, desired, 'start');
  const port = await choosePort(needs, service, desired);
  const candidate = await startInstance(needs, { service, desired, port, signal });
  context.emit({
    kind: 'candidate.started',
    message: `The candidate runs on port ${port}.`,
    service,
    release_id,
    operation_id,
    data: { pid: candidate.pid, port },
  });
  progress.enter(service, desired, 'health');
  try {
    const outcome = await waitUntilHealthy(context, instances, candidate, signal);
    if (!outcome.healthy)
      throw new DeployFailure(service, 'health', outcome.message, outcome.hint, instances.lastLines(candidate));
    return candidate;
  } catch (error) {
    await instances.stop(candidate);
    throw error;
  }
}

type Start = { service: string; desired: DesiredService; port: number; signal: AbortSignal };

async function startInstance({ instances, ports }: CandidateNeeds, start: Start): Promise<LiveInstance> {
  try {
    return await instances.start({ ...start, role: 'candidate' });
  } catch (error) {
    if (start.desired.port === null) ports.release(start.port);
    if (!(error instanceof AppError)) throw error;
    throw new DeployFailure(start.service, 'start', error.message, error.hint ?? null);
  }
}

async function choosePort({ ports, drains, instances }: CandidateNeeds, service: string, { port }: DesiredService) {
  if (port === null) return ports.reserve();
  await drains.freePort(port);
  const other = instances.all().find((instance) => instance.port === port && instance.service !== service);
  if (other) {
    throw new DeployFailure(
      service,
      'start',
      `Port ${port} is still in use by service "${other.service}".`,
      'A port cannot go from one service to another in one deployment: first move the other away, or leave `port` out.',
    );
  }
  if (await isFree(port)) return port;
  throw new DeployFailure(
    service,
    'start',
    `Port ${port} is in use by a program that Mainstay did not start.`,
    `End it, choose another \`port\`, or leave \`port\` out and listen on $PORT.`,
  );
}
