/** The agent's durable state, opened as one: `journal.sqlite`, `outbox.sqlite`, `secrets.key` in the home. */
import { join } from 'node:path';
import { type Commits, createCommits } from './commits.ts';
import { createDesiredStates, type DesiredStates } from './desired-states.ts';
import { type JournalOptions, openJournal } from './journal.ts';
import { createReleases, type Releases } from './releases.ts';
import { createSecretCache, type SecretCache } from './secret-cache.ts';
import { createServerStates, type ServerStates } from './server-states.ts';
import { createServiceRecords, type ServiceRecords } from './service-records.ts';

export type State = {
  home: string;
  desired: DesiredStates;
  server: ServerStates;
  releases: Releases;
  commits: Commits;
  services: ServiceRecords;
  secrets: SecretCache;
  /** Several changes in one write. */
  write<T>(work: () => T): T;
  close(): void;
};

export function openState(home: string, options: Omit<JournalOptions, 'path'> = {}): State {
  const journal = openJournal({ ...options, path: join(home, 'journal.sqlite') });
  return {
    home,
    desired: createDesiredStates(journal),
    server: createServerStates(journal),
    releases: createReleases(journal),
    commits: createCommits(journal),
    services: createServiceRecords(journal),
    secrets: createSecretCache(journal, join(home, 'secrets.key')),
    write: journal.write,
    close: journal.close,
  };
}
