/** Stacks of small services out of local repositories, made and run over the API: what a test starts from. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from '@mainstay/contract/client';
import type { StackSpecInput } from '@mainstay/contract/stack';
import { until } from '../bench/installation.ts';
import { freePort, type Installation } from '../e2e/installation.ts';
import { type Repository, serviceProgram } from './repository.ts';

type ServiceSpecInput = StackSpecInput['services'][string];

/** Deployments are waited for this long. */
export const deployed_within_ms = 60_000;

export function clientOf({ home, url }: Installation): Client {
  return createClient({ url, token: readFileSync(join(home, 'cli-token'), 'utf8').trim() });
}

/** A service that is run as it is in the repository, and checked often, so that tests need not wait for it. */
export function nodeServiceOf(repository: Repository, more: Partial<ServiceSpecInput> = {}): ServiceSpecInput {
  return {
    source: { git: repository.path },
    run: ['node', 'server.mjs'],
    route: { prefix: '/' },
    health: { type: 'tcp', interval_seconds: 0.5 },
    drain_timeout_seconds: 0,
    ...more,
  };
}

/** Lets the installation's own server run the stack; it is not waited for. */
export async function runStack(
  at: Installation,
  stack: string,
  services: Record<string, ServiceSpecInput>,
): Promise<void> {
  const client = clientOf(at);
  const spec = {
    poll_interval_seconds: 86_400,
    proxy: { port: at.proxy_port },
    names: { port: await freePort() },
    services,
  };
  await client['stacks.apply']({ stack, spec });
  await client['servers.assign']({ server: 'local', stack });
}

/** What is served at a path, as a person outside sees it; the status where it is no good answer, `-` where there is none. */
export async function served({ proxy_url }: Installation, path = '/'): Promise<string> {
  try {
    const response = await fetch(proxy_url + path);
    return response.ok ? await response.text() : String(response.status);
  } catch {
    return '-';
  }
}

export async function untilServed(at: Installation, text: string): Promise<void> {
  await until(async () => (await served(at)) === text, `"${text}"`, deployed_within_ms);
}

/** Commits a version of a service that answers with this text; gives the SHA. */
export function commitVersion(repository: Repository, text: string): string {
  return repository.commit(`Answer with ${text}`, { 'server.mjs': serviceProgram(text) });
}
