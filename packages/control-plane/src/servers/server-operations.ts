/** What the operations on servers do. */
import { randomBytes } from 'node:crypto';
import type { AgentState } from '@mainstay/contract/agent-api';
import { AppError } from '@mainstay/contract/errors';
import { newId } from '@mainstay/contract/ids';
import { operations } from '@mainstay/contract/operations/index';
import type { ServerView } from '@mainstay/contract/operations/servers';
import { digestOfKey } from '../access/access-store.ts';
import type { Context } from '../context.ts';
import { changes, type Handler, reads } from '../operations/handlers.ts';
import { names } from '../rollouts/waves.ts';
import {
  findStackById,
  findVersion,
  getStackRow,
  type InForce,
  type StackRow,
  selectStacks,
  versionsInForce,
} from '../stacks/stack-store.ts';
import { type Chosen, nextMoves, refuseChooser } from '../stacks/target-views.ts';
import { forgetUsage } from '../usage/usage-store.ts';
import { handedOutRelease, installLine } from './agent-releases.ts';
import { rememberRemoval } from './removed-servers.ts';
import { forgetLabels, type Labelled, labelChanges, labelsOf, putLabels } from './server-labels.ts';
import { drainedServers, isDrained } from './server-state-store.ts';
import {
  findServer,
  getServerRow,
  reportedState,
  reportedStates,
  runsVersion,
  type ServerRow,
  selectServers,
  updateServer,
} from './server-store.ts';

export const serverHandlers: Handler[] = [
  reads(operations['servers.list'], async (context) => {
    const rows = await selectServers(context.store);
    const states = await reportedStates(context.store, rows);
    const stacks = await stacksById(context);
    const in_force = await versionsInForce(context.store);
    const labels = await labelsOf(context.store);
    const drained = await drainedServers(context.store);
    const moves = await nextMoves(context, { candidates: { rows, labels, drained } });
    const view = (row: ServerRow) =>
      viewOfServer(row, stacks, in_force, states.get(row.id) ?? null, {
        ...labels(row.id),
        ...moves(row),
        drained: isDrained(row.id, drained, states.get(row.id) ?? null),
      });
    return { servers: rows.map(view), agent_release: (await handedOutRelease(context))?.version ?? null };
  }),

  reads(operations['servers.get'], async (context, { server }) => {
    const row = await getServerRow(context.store, server);
    const reported = await reportedState(context.store, row);
    const in_force = await versionsInForce(context.store);
    const labels = (await labelsOf(context.store, [row.id]))(row.id);
    const drained = isDrained(row.id, await drainedServers(context.store), reported);
    const view = viewOfServer(row, await stacksById(context), in_force, reported, {
      ...labels,
      ...(await nextMoves(context))(row),
      drained,
    });
    return { server: view, reported };
  }),

  changes(operations['servers.invite'], async (context, { server: name, stack, expires_seconds, ...said }) => {
    const { store, keeper, clock } = context;
    const existing = await findServer(store, name);
    if (existing?.enrolled_at) {
      throw new AppError('Conflict', `Server "${name}" is enrolled already.`, {
        field: 'server',
        hint: `Choose another name, or forget this one first: mainstay servers remove ${name}`,
      });
    }
    const row = stack === undefined ? null : await getStackRow(store, stack);
    if (row) await refuseChooser(context, row, name);
    const token = await context.recall('token', async () => {
      const [key] = await keeper.keys();
      return `mst_${randomBytes(32).toString('base64url')}.${key!.kid}`;
    });
    const install = await installLine(context, token);
    const server_id = existing?.id ?? (await context.recall('server_id', () => newId('server', clock.now())));
    const stack_id = row?.id ?? null;
    const from = (await labelsOf(store, [server_id]))(server_id);
    const to = { labels: said.labels ?? from.labels, environment: said.environment ?? from.environment };
    return {
      summary: `Invite server ${name}${stack === undefined ? '' : ` to run stack ${stack}`}`,
      target: `server/${name}`,
      base: existing?.rev ?? 0,
      changes: [
        {
          action: existing ? 'update' : 'create',
          path: 'server',
          to: { name, stack: stack ?? null },
          note: existing ? 'a new token takes the place of the one before' : `the token holds for ${expires_seconds} s`,
        },
        ...labelChanges(from, to),
      ],
      ...(stack === undefined ? {} : { about_stack: stack }),
      about_servers: [...(existing ? [{ name, ...from }] : []), { name, ...to }],
      action: { kind: 'invitation', server_id, token_sha256: digestOfKey(token), stack_id },
      carryOut: ({ grant, now }) => {
        const expires_at = now + expires_seconds * 1000;
        const invitation = {
          stack_id,
          invitation_jws: grant,
          invitation_digest: digestOfKey(token),
          invitation_expires_at: expires_at,
        };
        return {
          statements: [
            existing
              ? updateServer(store, existing, invitation)
              : insertServer(context, { id: server_id, name, now, ...invitation }),
            putLabels(store, server_id, to),
          ],
          result: { token, expires_at, install },
          kept_result: { token: null, expires_at, install: null },
          events: [
            { kind: 'server.invited', message: `Server ${name} was invited.`, server: name, stack: stack ?? null },
          ],
          signals: ['servers'],
        };
      },
    };
  }),

  changes(operations['servers.assign'], async (context, { server: name, stack }) => {
    const { store } = context;
    const server = await getServerRow(store, name);
    if (!server.enrolled_at) {
      throw new AppError('Conflict', `Server "${name}" is not enrolled yet.`, {
        field: 'server',
        hint: 'Enrol it with its token first, or invite it anew with --stack.',
      });
    }
    const row = await getStackRow(store, stack);
    await refuseChooser(context, row, name);
    const before = server.stack_id === null ? null : await findStackById(store, server.stack_id);
    const moves = before !== null && !before.removed && before.id !== row.id;
    if (before && before.id !== row.id) await refuseSharedData(context, name, before, row);
    return {
      summary: `Let server ${name} run stack ${stack}`,
      target: `server/${name}`,
      base: server.rev,
      changes:
        before?.id === row.id ? [] : [{ action: 'update', path: 'stack', from: before?.name ?? null, to: stack }],
      warnings: moves ? [`The services of stack ${before.name} stop on ${name}; their data is kept.`] : [],
      action: { kind: 'enrolment', server_id: server.id, stack_id: row.id },
      targets: [server.id],
      stack: { id: row.id, name: row.name, version: row.desired_version },
      settled_by_receipts: true,
      carryOut: ({ grant }) => ({
        statements: [updateServer(store, server, { stack_id: row.id, enrolment_jws: grant })],
        events: [{ kind: 'server.assigned', message: `Server ${name} was given stack ${stack}.`, server: name, stack }],
        signals: ['servers', 'stacks', `desired:${server.id}`],
      }),
    };
  }),

  changes(operations['servers.remove'], async (context, { server: name, leave_running }) => {
    const { store } = context;
    const server = await getServerRow(store, name);
    const reported = await reportedState(store, server);
    const running = runningOn(server, reported);
    if (running.length > 0 && !leave_running) {
      throw new AppError('Conflict', `Server "${name}" runs ${names(running)}.`, {
        field: 'server',
        hint: `Drain it first: mainstay servers drain ${name}. To let its services run on, with nobody told of them: --leave-running.`,
      });
    }
    const labels = (await labelsOf(store, [server.id]))(server.id);
    return {
      summary: `Forget server ${name}`,
      target: `server/${name}`,
      base: server.rev,
      changes: [
        {
          action: 'delete',
          path: 'server',
          from: name,
          note: `its agent is told, and calls no more; ${running.length > 0 ? `${names(running)} run on` : 'its data stays on it'}`,
        },
      ],
      about_servers: [{ name, ...labels }],
      action: { kind: 'removal', server_id: server.id },
      targets: [server.id],
      carryOut: async ({ grant, now }) => ({
        statements: [
          ...(await rememberRemoval(store, server, grant, now)),
          { query: store.db.deleteFrom('servers').where('id', '=', server.id).where('rev', '=', server.rev), rows: 1 },
          forgetUsage(store, server.id),
          forgetLabels(store, server.id),
        ],
        events: [{ kind: 'server.removed', severity: 'notice', message: `Server ${name} was removed.`, server: name }],
        signals: ['servers', 'stacks', `desired:${server.id}`],
      }),
    };
  }),
];

/** Services that would run on with nobody to look after them; none of a server that is offline, where nothing can be done about it. */
function runningOn(server: ServerRow, reported: AgentState | null): string[] {
  if (server.stack_id === null || !server.online || reported?.stack_id !== server.stack_id) return [];
  return Object.entries(reported.services).flatMap(([name, { state }]) => (state === 'running' ? [name] : []));
}

/** Data folders on a server go by the name of the service: what one stack left there must not become another's. */
async function refuseSharedData(context: Context, server: string, from: StackRow, to: StackRow): Promise<void> {
  const left = await findVersion(context.store, from.id, from.serving_version);
  const coming = await findVersion(context.store, to.id, to.desired_version);
  const shared = Object.keys(left?.spec.services ?? {}).filter((service) => service in (coming?.spec.services ?? {}));
  if (shared.length === 0) return;
  throw new AppError(
    'Conflict',
    `Stacks "${from.name}" and "${to.name}" both have a service "${shared[0]}", and would share its data on ${server}.`,
    {
      field: 'stack',
      hint: 'Rename the service in one of them, or enrol the server anew on an empty home.',
    },
  );
}

type NewServer = Pick<ServerRow, 'id' | 'name' | 'stack_id' | 'invitation_digest' | 'invitation_expires_at'> & {
  invitation_jws: string;
  now: number;
};

function insertServer(context: Context, { now, ...server }: NewServer) {
  const row = {
    ...server,
    rev: 1,
    credential_digest: null,
    enrolment_jws: null,
    enrolled_at: null,
    last_seen_at: null,
    online: 0,
    last_event_seq: 0,
    last_log_seq: 0,
    created_at: now,
  };
  return { query: context.store.db.insertInto('servers').values(row) };
}

async function stacksById({ store }: Context): Promise<Map<string, StackRow>> {
  return new Map((await selectStacks(store)).map((row) => [row.id, row]));
}

function viewOfServer(
  row: ServerRow,
  stacks: ReadonlyMap<string, StackRow>,
  in_force: ReadonlyMap<string, InForce>,
  reported: AgentState | null,
  { labels, environment, drained, ...chosen }: Labelled & Chosen & { drained: boolean },
): ServerView {
  const stack = stacks.get(row.stack_id ?? '') ?? null;
  const accepted = reported?.stack_id === row.stack_id ? reported : null;
  const wanted = in_force.get(stack?.id ?? '') ?? null;
  return {
    id: row.id,
    name: row.name,
    state: row.enrolled_at === null ? 'invited' : row.online ? 'online' : 'offline',
    stack: stack?.name ?? null,
    labels,
    environment,
    agent_version: reported?.agent_version ?? null,
    updatable: reported !== null && reported.updatable !== false,
    os: reported?.facts.os ?? null,
    arch: reported?.facts.arch ?? null,
    cpus: reported?.facts.cpus ?? null,
    supervisor: reported?.facts.supervisor ?? null,
    security_mode: wanted?.security_mode ?? null,
    services: servicesIn(reported),
    usage: reported && usageIn(reported),
    version: accepted?.accepted_version ?? null,
    converged: wanted !== null && runsVersion(accepted, wanted.version),
    ...chosen,
    drained,
    problems: reported?.problems.map((problem) => problem.message) ?? [],
    last_seen_at: row.last_seen_at,
    enrolled_at: row.enrolled_at,
  };
}

function servicesIn(reported: AgentState | null): ServerView['services'] {
  const states = Object.values(reported?.services ?? {});
  return { total: states.length, running: states.filter(({ state }) => state === 'running').length };
}

function usageIn({ usage, facts }: AgentState): ServerView['usage'] {
  const { cpu_fraction, load1, memory_used_bytes, disk_used_bytes, disk_total_bytes } = usage;
  return {
    cpu_fraction,
    load1,
    memory_used_bytes,
    memory_total_bytes: facts.memory_bytes,
    disk_used_bytes,
    disk_total_bytes,
  };
}
