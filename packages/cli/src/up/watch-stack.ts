/** Follows a stack on its way to health, and tells every step of every service as it happens. */
import type { Client } from '@mainstay/contract/client';
import { AppError, isRetryable } from '@mainstay/contract/errors';
import { recentFailure, type ServiceOnServer } from '@mainstay/contract/operations/services';
import type { Reporter } from './reporter.ts';

export type StackOutcome = { state: 'healthy' | 'failed' | 'late' };

const poll_ms = 300;
/** A state that is not healthy is believed when it has stayed for so many looks. */
const settled_polls = 5;

/** Resolves when the stack is healthy, when it has come to rest without being so, or when the time is up. */
export async function watchStack(
  client: Client,
  stack: string,
  report: Reporter,
  options: { timeout_ms: number; signal: AbortSignal },
): Promise<StackOutcome> {
  const started = Date.now();
  const said = new Map<string, string>();
  let settled = 0;
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
    const hasFailure = services.some((service) => recentFailure(service.observed) !== null);
    const isAtRest = services.length > 0 && services.every(hasNothingUnderWay);
    const isSettled = health !== 'deploying' && isAtRest && (hasFailure || services.every(isHealthy));
    settled = isSettled ? settled + 1 : 0;
    if (settled >= settled_polls) {
      tellFailures(seen, report);
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
    return { services, health: view.health, message: view.message };
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

/** A service may wait in vain for another one that failed: a version is deployed whole or not at all. */
function hasNothingUnderWay({ observed }: ServiceOnServer): boolean {
  return observed !== null && observed.candidate === null && !['building', 'starting'].includes(observed.state);
}

function isHealthy({ observed }: ServiceOnServer): boolean {
  return observed?.state === 'running' && observed.health.state === 'healthy' && observed.candidate === null;
}

function tellFailures(
  { services, message }: { services: ServiceOnServer[]; message: string | null },
  report: Reporter,
) {
  if (message !== null) report.warn(message);
  for (const { service, observed } of services) {
    const failure = recentFailure(observed);
    if (!failure) continue;
    report.warn(
      `${service} failed at ${failure.stage}: ${failure.message}${failure.hint ? `\n  ${failure.hint}` : ''}`,
    );
  }
}
