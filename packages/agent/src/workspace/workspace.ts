/**
 * The workspace port: the folders of an agent, and how a commit gets into one.
 *
 *   <home>/repositories/<digest of url>.git   bare mirrors, fetched from
 *   <home>/builds/<bld_…>/                     one checkout with what its build made; it is built where it will run, since
 *                                              builds write their own path into files (a Python venv does)
 *   <home>/builds/<bld_…>.whole                says that it is whole; made in one rename, and gone before the folder goes
 *   <home>/data/<service>/                     the service's own data (DATA_DIR), kept over releases
 */
import type { DesiredService } from '@mainstay/contract/desired-state';
import type { GitCredential } from '@mainstay/runtime/git';

/** What a commit says of itself, each in one line without control characters; null where it says nothing. */
export type CommitText = {
  subject: string | null;
  author: string | null;
  /** UTC milliseconds. */
  committed_at: number | null;
};

export type SyncOutcome =
  | {
      ok: true;
      checkout: string;
      directory: string;
      /** What a person should know of it, such as submodules that are not fetched. */
      notes?: string[];
    }
  | { ok: false; message: string; hint: string | null };

export type Workspace = {
  /** True when the build is whole on disk: its checkout and, where there is one, its build. */
  hasBuild(build_id: string): Promise<boolean>;
  /** Checkout and working folder of a build that is whole. The root directory is resolved again, symlinks included. */
  locate(build_id: string, root: string): Promise<SyncOutcome>;
  /** Fetches the commit and checks it out into the folder of the build, in which it is then built; afresh every time. */
  checkout(
    build_id: string,
    source: DesiredService['source'],
    credential: GitCredential | null,
    signal: AbortSignal,
  ): Promise<SyncOutcome>;
  /** What a commit that was checked out says of itself; null when the mirror does not have it any more. */
  describeCommit(source: DesiredService['source'], signal: AbortSignal): Promise<CommitText | null>;
  /** Makes a build whole, in one rename. Idempotent. Rejects when it was not checked out. */
  commitBuild(build_id: string): Promise<void>;
  /** Removes a build that failed. Idempotent. */
  discardBuild(build_id: string): Promise<void>;
  /** Removes builds, whole or not, that are not in the list, and mirrors that no kept build came from. Gives what it removed. */
  prune(keep: { build_ids: ReadonlySet<string>; urls: ReadonlySet<string> }): Promise<string[]>;
  dataDirectory(service: string): Promise<string>;
  deleteData(service: string): Promise<void>;
  /** Free bytes on the file system of the home. */
  freeBytes(): Promise<number>;
};
