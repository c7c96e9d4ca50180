/**
 * Planning a change of one server's state: its next version, signed for that server alone, and settled by what the server reports of it.
 * What holds before the first version is what the server says that it was installed with.
 */
import { AppError } from '@mainstay/contract/errors';
import type { PlanChange } from '@mainstay/contract/operation';
import { type ServerState, serverStateDigest } from '@mainstay/contract/server-state';
import type { Context } from '../context.ts';
import type { Planned } from '../operations/planned.ts';
import type { Statement } from '../store/store.ts';
import { findServerState, putServerState, type ServerContent } from './server-state-store.ts';
import { getServerRow, reportedState, type ServerRow } from './server-store.ts';

export type ServerChange = {
  next: ServerContent;
  summary: string;
  changes: PlanChange[];
  warnings?: string[];
  /** Written with it, such as a sealed value. */
  statements?: Statement[];
};

/** What the server is to be now. */
export async function currentContent(context: Context, server: ServerRow): Promise<ServerContent> {
  const stored = await findServerState(context.store, server.id);
  const reported = await reportedState(context.store, server);
  if (stored) {
    const { schema: _, server_id: __, version, ...content } = stored.document;
    // What did not come into force is no base: it could be asked for again only as nothing to do, and would come along with other changes.
    if (reported?.server?.version === version && reported.server.state === 'failed') return stored.base;
    return { ...content, security: { ...content.security, cut_ssh: false } };
  }
  const security = reported?.security ?? null;
  return {
    security: {
      mode: security?.mode ?? 'none',
      ssh_from: security?.ssh_from ?? [],
      firewall: security?.firewall ?? 'auto',
      cut_ssh: false,
    },
    tunnel: null,
    agent: null,
    drained: false,
  };
}

/** Plans what `change` makes of the server's present state. @throws AppError NotFound, Conflict (not enrolled). */
export async function planServerState(
  context: Context,
  name: string,
  change: (current: ServerContent, server: ServerRow) => Promise<ServerChange> | ServerChange,
): Promise<Planned> {
  const { store } = context;
  const server = await getServerRow(store, name);
  if (!server.enrolled_at) {
    throw new AppError('Conflict', `Server "${name}" is not enrolled yet.`, {
      field: 'server',
      hint: 'Enrol it with its token first; what it is to begin with can be said when its agent is installed.',
    });
  }
  const base = await currentContent(context, server);
  const { next, summary, changes, warnings, statements = [] } = await change(base, server);
  const version = server.state_version + 1;
  const document: ServerState = { schema: 1, server_id: server.id, version, ...next };
  const sha256 = await serverStateDigest(document);
  return {
    summary,
    target: `server/${name}`,
    base: server.state_version,
    changes,
    ...(warnings ? { warnings } : {}),
    action: { kind: 'server_state', server_id: server.id, version, sha256 },
    server_document: document,
    targets: [server.id],
    settled_by_receipts: true,
    carryOut: ({ operation_id, grant, now }) => ({
      statements: [
        ...statements,
        ...putServerState(store, { version, document, base, sha256, grant_jws: grant, operation_id, created_at: now }),
      ],
      signals: ['servers', `desired:${server.id}`],
    }),
  };
}
