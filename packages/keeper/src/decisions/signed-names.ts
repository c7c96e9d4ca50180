/**
 * What the keeper goes on knowing of what it approved when the proposals themselves are gone: what a stack and a server were called, and
 * the highest version of each stack. One row each, written together with the approval.
 */
import type { KeeperDatabase } from '../ledger/database.ts';
import type { Judged } from './proposal-store.ts';

export type SignedNames = ReturnType<typeof createSignedNames>;

const action = "json_extract(subject, '$.terms.action.";
/** From the proposals of a ledger that was written before these tables were. */
const fill = `
  INSERT INTO signed_stacks (stack_id, name, version)
    SELECT ${action}stack_id'), min(json_extract(subject, '$.subject.stack')), max(${action}version'))
    FROM proposals WHERE state = 'approved' AND ${action}kind') = 'desired_state' GROUP BY 1;
  INSERT INTO invited_servers (server_id, target)
    SELECT ${action}server_id'), min(json_extract(subject, '$.target'))
    FROM proposals WHERE state = 'approved' AND ${action}kind') = 'invitation' GROUP BY 1;
`;

export function createSignedNames({ sql, write }: KeeperDatabase) {
  const known = sql.prepare("SELECT 1 FROM sqlite_master WHERE name = 'signed_stacks'").get();
  if (!known) {
    write(() => {
      sql.exec('CREATE TABLE signed_stacks (stack_id TEXT PRIMARY KEY, name TEXT, version INTEGER NOT NULL) STRICT');
      sql.exec('CREATE TABLE invited_servers (server_id TEXT PRIMARY KEY, target TEXT NOT NULL) STRICT');
      sql.exec(fill);
    });
  }
  const stack = sql.prepare('SELECT name, version FROM signed_stacks WHERE stack_id = ?');
  const server = sql.prepare('SELECT target FROM invited_servers WHERE server_id = ?');
  const addStack = sql.prepare(
    `INSERT INTO signed_stacks (stack_id, name, version) VALUES (?, ?, ?)
     ON CONFLICT (stack_id) DO UPDATE SET version = max(version, excluded.version)`,
  );
  const addServer = sql.prepare('INSERT OR IGNORE INTO invited_servers (server_id, target) VALUES (?, ?)');
  const found = (stack_id: string) => stack.get(stack_id) as { name: string | null; version: number } | undefined;

  return {
    /** What a stack was called when a desired state of it was first signed; null when none was. */
    stackName: (stack_id: string) => found(stack_id)?.name ?? null,
    /** The highest version of a stack that was approved; 0 when none was. */
    newestVersion: (stack_id: string) => found(stack_id)?.version ?? 0,
    /** What a server was called when it was first invited, as `server/<name>`; null when this keeper invited none of that id. */
    serverTarget: (server_id: string) => (server.get(server_id) as { target: string } | undefined)?.target ?? null,
    /** Inside the write that approves it. */
    remember({ subject, terms, target }: Judged): void {
      const { action } = terms;
      if (action.kind === 'desired_state') addStack.run(action.stack_id, subject.stack, action.version);
      if (action.kind === 'invitation') addServer.run(action.server_id, target);
    },
  };
}
