/**
 * First lines of commit messages, by what servers report: the control plane itself only asks where refs point to. They are kept
 * per stack, so that a server is believed about the stack that it runs and about no other, and outlive the releases that the
 * servers keep, so that old versions can be told apart.
 */
import type { AgentState } from '@mainstay/contract/agent-api';
import { sql } from 'kysely';
import type { Statement, Store } from '../store/store.ts';

/** Of one stack; older ones are forgotten. */
export const subjects_kept_max = 2_000;
const rows_per_statement_max = 500;
/** Beyond it what was stored is forgotten, and stored once more to no effect. */
const remembered_max = 20_000;

export type SubjectNotes = {
  /** The statements that store what reports say for the first time; to be called `written` on once that is done. */
  take(
    reports: readonly { server: { stack_id: string | null }; state: AgentState }[],
    now: number,
  ): { statements: Statement[]; written(): void };
};

export function createSubjectNotes(store: Store): SubjectNotes {
  const remembered = new Set<string>();
  return {
    take(reports, now) {
      const fresh = new Map<string, { stack_id: string; commit_id: string; subject: string; noted_at: number }>();
      for (const { server, state } of reports) {
        const { stack_id } = server;
        if (stack_id === null || state.stack_id !== stack_id) continue;
        for (const { releases } of Object.values(state.services)) {
          for (const { commit, commit_subject: subject } of releases) {
            const key = `${stack_id} ${commit}`;
            if (subject === null || remembered.has(key)) continue;
            fresh.set(key, { stack_id, commit_id: commit, subject, noted_at: now });
          }
        }
      }
      const rows = [...fresh.values()];
      const statements: Statement[] = [];
      for (let start = 0; start < rows.length; start += rows_per_statement_max) {
        const some = rows.slice(start, start + rows_per_statement_max);
        const query = store.db.insertInto('commit_subjects').values(some);
        statements.push({ query: query.onConflict((conflict) => conflict.doNothing()) });
      }
      return {
        statements,
        written() {
          if (remembered.size > remembered_max) remembered.clear();
          for (const key of fresh.keys()) remembered.add(key);
        },
      };
    },
  };
}

/** The subjects of commits of a stack; those that no server has told are left out. */
export async function selectSubjects(
  store: Store,
  stack_id: string,
  commits: readonly string[],
): Promise<Map<string, string>> {
  const ids = [...new Set(commits)];
  const found = new Map<string, string>();
  for (let start = 0; start < ids.length; start += rows_per_statement_max) {
    const rows = await store.db
      .selectFrom('commit_subjects')
      .select(['commit_id', 'subject'])
      .where('stack_id', '=', stack_id)
      .where('commit_id', 'in', ids.slice(start, start + rows_per_statement_max))
      .execute();
    for (const { commit_id, subject } of rows) found.set(commit_id, subject);
  }
  return found;
}

/** Forgets all but the newest of each stack. */
export async function pruneSubjects(store: Store): Promise<void> {
  await sql`delete from commit_subjects where (stack_id, commit_id) in (
    select stack_id, commit_id from (
      select stack_id, commit_id, row_number() over (partition by stack_id order by noted_at desc, commit_id) as place
      from commit_subjects
    ) as placed where place > ${subjects_kept_max}
  )`.execute(store.db);
}
