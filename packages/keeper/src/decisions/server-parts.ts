/**
 * What an operation may change of a server's state: its own part and no other. The state is signed whole, so that without this a security mode
 * could be set under the name of an operation that policies let pass. The keeper remembers which parts of each server it signed; a
 * part that is not the operation's own is one of them, or what every server begins with. The security that a server was installed with
 * the keeper cannot know: once per server it takes the control plane's word for it.
 */
import { canonicalJson } from '@mainstay/contract/canonical';
import type { ServerState } from '@mainstay/contract/server-state';
import type { KeeperDatabase } from '../ledger/database.ts';
import { sha256 } from '../ledger/ledger.ts';

const parts = ['security', 'tunnel', 'agent', 'drained'] as const;
type Part = (typeof parts)[number];

/** Of the state of one server: part → SHA-256. As it stands in the row of a proposal. */
export type ServerParts = { server_id: string; cut_ssh: boolean; sha256: Record<Part, string> };

/** By the beginnings of the ids of operations; one that is not here changes no part. */
const ownParts: readonly (readonly [string, Part])[] = [
  ['servers.firewall', 'security'],
  ['servers.tunnel_', 'tunnel'],
  ['servers.update_agent', 'agent'],
  ['servers.drain', 'drained'],
  ['servers.undrain', 'drained'],
];

const digestOf = (value: unknown) => sha256(canonicalJson(value));
const beginning: Partial<Record<Part, string>> = {
  tunnel: digestOf(null),
  agent: digestOf(null),
  drained: digestOf(false),
};

/** Whether SSH may be cut is said anew by every change of the security, and is no part of what stays. */
export function serverPartsOf({ server_id, security, tunnel, agent, drained }: ServerState): ServerParts {
  const { cut_ssh, ...lasting } = security;
  const [of_security, of_tunnel, of_agent, of_drained] = [lasting, tunnel, agent, drained].map(digestOf);
  const digests = { security: of_security!, tunnel: of_tunnel!, agent: of_agent!, drained: of_drained! };
  return { server_id, cut_ssh, sha256: digests };
}

export type SignedParts = ReturnType<typeof createSignedParts>;

export function createSignedParts({ sql }: KeeperDatabase) {
  sql.exec(`CREATE TABLE IF NOT EXISTS server_parts (
    server_id TEXT NOT NULL, part TEXT NOT NULL, sha256 TEXT NOT NULL, is_own INTEGER NOT NULL,
    PRIMARY KEY (server_id, part, sha256)
  ) STRICT`);
  const known = sql.prepare('SELECT 1 FROM server_parts WHERE server_id = ? AND part = ? AND sha256 = ?');
  const word = sql.prepare('SELECT 1 FROM server_parts WHERE server_id = ? AND part = ? AND is_own = 0');
  const add = sql.prepare('INSERT OR IGNORE INTO server_parts (server_id, part, sha256, is_own) VALUES (?, ?, ?, ?)');
  const isTakenAtItsWord = (server_id: string, part: Part) =>
    part === 'security' && word.get(server_id, part) === undefined;

  return {
    /** Why this operation may not lead to that state; null when it may. */
    contradictionIn(operation: string, { server_id, cut_ssh, sha256: digests }: ServerParts): string | null {
      for (const part of parts) {
        if (isOwn(operation, part)) continue;
        const digest = digests[part];
        const is_known = digest === beginning[part] || known.get(server_id, part, digest) !== undefined;
        if (is_known || isTakenAtItsWord(server_id, part)) continue;
        return `The operation ${operation} does not change the ${part} of a server, and the state to be signed does.`;
      }
      if (cut_ssh && !isOwn(operation, 'security')) return `The operation ${operation} may not cut SSH sessions.`;
      return null;
    },
    /** Inside the write that signs it. */
    add(operation: string, { server_id, sha256: digests }: ServerParts): void {
      for (const part of parts) {
        if (digests[part] !== beginning[part]) add.run(server_id, part, digests[part], Number(isOwn(operation, part)));
      }
    },
  };
}

function isOwn(operation: string, part: Part): boolean {
  return ownParts.some(([beginning, own]) => own === part && operation.startsWith(beginning));
}
