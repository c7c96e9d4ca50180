/**
 * Seeing with own eyes: a request through the proxy is answered by the release that was asked for. Commands that returned
 * are no proof; a rollout succeeds only when this did.
 */

import type { DesiredService } from '@mainstay/contract/desired-state';
import { http } from '@mainstay/runtime/node-http';
import { checkHealth } from '../health/check.ts';
import { type Context, DeployFailure } from './context.ts';

/** Named in every answer that the proxy passes on. */
const releaseHeader = 'x-mainstay-release';
const attempts_max = 40;
const pause_ms = 50;

/** Throws DeployFailure when the release is not seen behind the internal listener of the service within some seconds. */
export async function observeRelease(
  { clock }: Pick<Context, 'clock'>,
  service: string,
  desired: DesiredService,
  internal_port: number,
): Promise<void> {
  let seen = 'nothing';
  for (let attempt = 0; attempt < attempts_max; attempt++) {
    if (attempt > 0) await clock.sleep(pause_ms);
    seen =
      desired.health.type === 'http'
        ? await releaseBehind(internal_port, desired)
        : await tcpBehind(internal_port, desired);
    if (seen === desired.release_id) return;
  }
  throw new DeployFailure(
    service,
    'switch',
    `Release ${desired.release_id} was switched to, but ${seen} answered through the proxy.`,
    'Look at the log of the agent and of its proxy, and deploy again.',
  );
}

function releaseBehind(port: number, { health }: DesiredService): Promise<string> {
  return new Promise((resolve) => {
    const timeout_ms = health.timeout_seconds * 1000;
    const request = http.get(
      { host: '127.0.0.1', port, path: health.path, agent: false, headers: { 'user-agent': 'mainstay-observation' } },
      (response) => {
        resolve(String(response.headers[releaseHeader] ?? `an answer ${response.statusCode} without a release`));
        response.destroy();
      },
    );
    request.setTimeout(timeout_ms, () => request.destroy(new Error(`no answer within ${health.timeout_seconds} s`)));
    request.once('error', (error) => resolve(error.message));
  });
}

/** A service that is checked by TCP need not speak HTTP: that its listener is there must do. */
async function tcpBehind(port: number, { health, release_id }: DesiredService): Promise<string> {
  const result = await checkHealth(health, port);
  return result.ok ? release_id : result.message;
}
