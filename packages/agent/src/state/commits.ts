/** What the commits of releases say of themselves, so that people need not read hashes. Kept as long as a release is of one. */
import type { CommitText } from '../workspace/workspace.ts';
import type { Journal } from './journal.ts';

export type Commits = {
  get(commit: string): CommitText | null;
  put(commit: string, text: CommitText): void;
  /** Forgets all but these. */
  keep(commits: ReadonlySet<string>): void;
};

export function createCommits({ database, write }: Journal): Commits {
  const select = database.prepare('SELECT subject, author, committed_at FROM commits WHERE id = ?');
  const insert = database.prepare(
    'INSERT OR REPLACE INTO commits (id, subject, author, committed_at) VALUES (?, ?, ?, ?)',
  );
  const all = database.prepare('SELECT id FROM commits');
  const drop = database.prepare('DELETE FROM commits WHERE id = ?');
  return {
    get: (commit) => (select.get(commit) as CommitText | undefined) ?? null,
    put: (commit, { subject, author, committed_at }) =>
      void write(() => insert.run(commit, subject, author, committed_at)),
    keep(commits) {
      const gone = (all.all() as { id: string }[]).filter(({ id }) => !commits.has(id));
      if (gone.length === 0) return;
      write(() => {
        for (const { id } of gone) drop.run(id);
      });
    },
  };
}
