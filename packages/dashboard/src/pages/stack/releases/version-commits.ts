/** Which commits a version brought, compared with the version before it. */
import type { Output } from '../../../api/client.ts';

export type Version = Output<'stacks.versions'>['versions'][number];

export type CommitChange = {
  service: string;
  /** Null when the service was removed. */
  commit: string | null;
  before: string | null;
  subject: string | null;
};

/** All its commits when nothing is known of the version before it. */
export function commitChanges(version: Version, before: Version | undefined): CommitChange[] {
  const services = [...new Set([...Object.keys(before?.commits ?? {}), ...Object.keys(version.commits)])].sort();
  return services.flatMap((service) => {
    const commit = version.commits[service] ?? null;
    const old = before?.commits[service] ?? null;
    if (commit === old) return [];
    return [{ service, commit, before: old, subject: version.commit_subjects[service] ?? null }];
  });
}
