/** What the page tells of a service over all servers that run it. Pure. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import type { Output } from '../../api/client.ts';
import { type Status, serviceStatus, type Tone } from '../../ui/words.ts';

export type Version = Output<'stacks.versions'>['versions'][number];
export type Release = NonNullable<ServiceOnServer['observed']>['releases'][number];

const graver: readonly Tone[] = ['idle', 'good', 'busy', 'warning', 'bad'];

/** The gravest state among the servers, and on how many of them it is. */
export function gravestStatus(entries: readonly ServiceOnServer[]): (Status & { count: number }) | null {
  const all = entries.map(serviceStatus);
  const gravest = all.toSorted((a, b) => graver.indexOf(b.tone) - graver.indexOf(a.tone))[0];
  return gravest ? { ...gravest, count: all.filter(({ word }) => word === gravest.word).length } : null;
}

/** Every release that some server knows, the newest first, each once. */
export function knownReleases(entries: readonly ServiceOnServer[]): Release[] {
  const known = new Map<string, Release>();
  for (const { observed } of entries) {
    for (const release of observed?.releases ?? []) {
      const before = known.get(release.release_id);
      if (!before || release.state === 'serving') known.set(release.release_id, release);
    }
  }
  return [...known.values()].sort((a, b) => b.created_at - a.created_at);
}

/**
 * The version of the stack to go back to for a release: the newest in which the service had it, one that succeeded if there
 * is one. Null when none of the listed has it.
 */
export function versionOf(versions: readonly Version[], service: string, release_id: string): Version | null {
  const having = versions.filter(({ releases }) => releases[service] === release_id);
  return having.find(({ state }) => state === 'succeeded') ?? having[0] ?? null;
}
