/** Follows a stack on its way to health, and tells every step of every service as it happens. */
import type { Client } from '@mainstay/contract/client';
import { AppError, isRetryable } from '@mainstay/contract/errors';
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { Reporter } from './reporter.ts';

export type StackOutcome = { state: 'healthy' | 'failed' | 'late' };

const poll_ms = 300;

/** Resolves when the stack is healthy, when each service that is not has failed, or when the time is up. */
export async function watchStack(
  client: Client,
  stack: string,
  report: Reporter,
  options: { timeout_ms: number; signal: AbortSignal },
): Promise<StackOutcome> {
  const started = Date.now();
  const said = new Map<string, string>();
  while (Date.now() - started < options.timeout_ms) {
    options.signal.throwIfAborted();
    const seen = await look(client, stack);
    if (seen === null) {
      await pause();
      continue;
    }
    const { services, health } = seen;
    for (const service of services) {
      const text = stageOf(service);
      if (text === null || said.get(service.service) === text) continue;
      said.set(service.service, text);
      const seconds = ((Date.now() - started) / 1000).toFixed(1);
      report.step(`  ${service.service.padEnd(10)} ${text}${' '.repeat(Math.max(1, 28 - text.length))}${seconds} s`);
    }
    if (health === 'healthy') return { state: 'healthy' };
    const failed = services.filter((service) => failureOf(service) !== null);
    const settled = failed.length > 0 && services.every((service) => failureOf(service) !== null || isHealthy(service));
    if (settled && health !== 'deploying') {
      for (const service of failed) {
        const failure = failureOf(service)!;
        report.warn(
          `${service.service} failed at ${failure.stage}: ${failure.message}${failure.hint ? `\n  ${failure.hint}` : ''}`,
        );
      }
      return { state: 'failed' };
    }
    await pause();
  }
  return { state: 'late' };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, poll_ms));

/** Null while the control plane does not answer, which is so for a moment when it is started again. */
async function look(client: Client, stack: string) {
  try {
    const [{ services }, { stack: view }] = await Promise.all([
      client['services.list']({ stack }),
      client['stacks.get']({ stack }),
    ]);
    return { services, health: view.health };
  } catch (error) {
    if (error instanceof AppError && isRetryable(error.code)) return null;
    throw error;
  }
}

function stageOf({ observed }: ServiceOnServer): string | null {
  if (!observed) return null;
  if (observed.candidate) return stageWords[observed.candidate.stage];
  if (observed.state === 'running') return observed.health.state === 'healthy' ? 'healthy' : 'running';
  return observed.state.replace('_', ' ');
}

const stageWords = {
  sync: 'fetching the commit',
  build: 'building',
  start: 'starting',
  health: 'waiting for its health check',
  switch: 'switching',
  drain: 'draining the old release',
  done: 'switched',
} as const;

function isHealthy({ observed, desired_release_id }: ServiceOnServer): boolean {
  return (
    observed?.state === 'running' && observed.health.state === 'healthy' && observed.release_id === desired_release_id
  );
}

/** Why the release that is wanted failed; null when it did not. */
function failureOf({ observed, desired_release_id }: ServiceOnServer) {
  const failure = observed?.last_failure ?? null;
  return failure !== null && observed?.candidate === null && failure.release_id === desired_release_id ? failure : null;
}
