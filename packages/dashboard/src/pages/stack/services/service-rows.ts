/** The services of a stack as rows: one per service and server, in order, filtered by what stands in the address. */
import type { ServiceOnServer } from '@mainstay/contract/operations/services';
import { serviceStatus } from '../../../ui/words.ts';

export type ServiceRow = {
  key: string;
  entry: ServiceOnServer;
  /** First of the rows of its service: the others need not repeat the name. */
  is_first: boolean;
};

type Failure = NonNullable<NonNullable<ServiceOnServer['observed']>['last_failure']>;

/** The failure of the last candidate while it is news: no other is under way, and it does not serve by now. */
export function currentFailure({ observed }: ServiceOnServer): Failure | null {
  const failure = observed?.last_failure ?? null;
  if (!observed || !failure || observed.candidate || failure.release_id === observed.release_id) return null;
  return failure;
}

export function isInTrouble(entry: ServiceOnServer): boolean {
  const { tone } = serviceStatus(entry);
  return tone === 'bad' || tone === 'warning' || !entry.server_online || currentFailure(entry) !== null;
}

/** Rows by service, then server, that hold the text in a name, a commit or its message. */
export function serviceRows(entries: readonly ServiceOnServer[], text: string, only_trouble: boolean): ServiceRow[] {
  const wanted = text.trim().toLowerCase();
  const shown = entries.filter((entry) => (!only_trouble || isInTrouble(entry)) && matches(entry, wanted));
  const ordered = shown.toSorted((a, b) => compare(a.service, b.service) || compare(a.server, b.server));
  return ordered.map((entry, index) => ({
    key: `${entry.service} ${entry.server}`,
    entry,
    is_first: ordered[index - 1]?.service !== entry.service,
  }));
}

function matches(entry: ServiceOnServer, wanted: string): boolean {
  if (wanted === '') return true;
  const serving = servingRelease(entry);
  const texts = [entry.service, entry.server, entry.route ?? '', serving?.commit ?? '', serving?.subject ?? ''];
  return texts.some((text) => text.toLowerCase().includes(wanted));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Commit and subject of the release that serves; null while none does. */
export function servingRelease({ observed }: ServiceOnServer): { commit: string; subject: string | null } | null {
  if (!observed?.commit) return null;
  const release = observed.releases.find(({ release_id }) => release_id === observed.release_id);
  return { commit: observed.commit, subject: release?.commit_subject ?? null };
}
