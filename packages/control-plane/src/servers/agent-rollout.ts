/**
 * Updating the agents of many servers: which servers, what the state of each becomes, and in which waves (rollouts/). One decision is signed over the states
 * of all; each server is given its own when its wave is opened, as with an update of one (ADR 0032).
 */
import { AppError } from '@mainstay/contract/errors';
import type { PlanChange } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import {
  type ServerState,
  server_states_max,
  serverStateDigest,
  serverStatesDigest,
} from '@mainstay/contract/server-state';
import type { Context } from '../context.ts';
import { changes, type Handler } from '../operations/handlers.ts';
import { type PlannedState, putStates } from '../rollouts/state-rollout.ts';
import { names, wavesOf } from '../rollouts/waves.ts';
import { mismatch, selectorText } from '../stacks/stack-targets.ts';
import { releaseToHandOut } from './agent-update.ts';
import { labelsOf } from './server-labels.ts';
import { currentContent } from './server-state-plan.ts';
import { getServerRow, reportedStates, type ServerRow, selectServers } from './server-store.ts';

type Wish = { servers?: string[] | undefined; labels?: Record<string, string> | undefined };

export const agentRolloutHandlers: Handler[] = [
  changes(operations['servers.update_agents'], async (context, { version: expected, servers, labels, ...settings }) => {
    const { store } = context;
    const release = await releaseToHandOut(context, expected);
    const { version, manifest_sha256, archs } = release;
    const asked = await serversFor(context, { servers, labels });
    const reports = await reportedStates(store, asked);
    const busy = await serversBeingUpdated(context);
    const warnings: string[] = [];
    const agent = { version, manifest_sha256 };
    const planned: { row: ServerRow; state: PlannedState; from: string | null }[] = [];
    for (const row of asked) {
      const reported = reports.get(row.id) ?? null;
      const why = busy.has(row.id) ? 'another update of its agent is going out.' : whyNot(reported, archs);
      if (why !== null) {
        warnings.push(`${row.name} is left out: ${why}`);
        continue;
      }
      const base = await currentContent(context, row);
      const from = reported?.agent_version ?? null;
      // One that was installed as this version was given no other since; where it is asked for by name, another build of it is meant.
      const isSame = base.agent ? base.agent.manifest_sha256 === manifest_sha256 : !servers;
      if (from === version && isSame) continue;
      const document: ServerState = { schema: 1, server_id: row.id, version: row.state_version + 1, ...base, agent };
      const state = { server_id: row.id, document, base, sha256: await serverStateDigest(document) };
      planned.push({ row, state, from });
    }
    if (planned.length > server_states_max) {
      throw new AppError('Conflict', `${planned.length} servers are too many for one update.`, {
        field: 'labels',
        hint: `Name at most ${server_states_max}, by their labels or their names.`,
      });
    }
    const offline = planned.filter(({ row }) => !row.online).map(({ row }) => row);
    if (offline.length > 0) warnings.push(`Offline, and updated when they are back: ${names(offline)}.`);
    const rows = planned.map(({ row }) => row);
    const states = planned.map(({ state }) => state);
    const waves = wavesOf(rows, settings);
    const first = new Set(waves[0]?.map(({ id }) => id));
    const count = planned.length === 1 ? 'the agent of 1 server' : `the agents of ${planned.length} servers`;
    return {
      summary: `Update ${count} to ${version}`,
      target: 'servers',
      base: 0,
      changes: planned.map(({ row, from }): PlanChange => {
        const path = `servers.${row.name}.agent.version`;
        return { action: 'update', path, from, to: version, note: 'services run on' };
      }),
      warnings,
      action:
        states.length === 0
          ? { kind: 'control_plane' }
          : { kind: 'server_states', sha256: await serverStatesDigest(states.map(({ document }) => document)) },
      ...(states.length === 0 ? {} : { server_documents: states.map(({ document }) => document) }),
      targets: rows.map(({ id }) => id),
      settled_by_receipts: true,
      ...(states.length === 0 ? {} : { rollout: { waves, settings, previous_version: null, held_before: {}, states } }),
      carryOut: async ({ operation_id, grant, now }) => ({
        statements: [],
        afterwards: await putStates(
          context,
          { id: operation_id, grant_jws: grant },
          states
            .filter(({ server_id }) => first.has(server_id))
            .map(({ document, base, ...state }) => ({
              ...{ ...state, version: document.version },
              ...{ document: JSON.stringify(document), base: JSON.stringify(base) },
            })),
          now,
        ),
        signals: ['servers', ...[...first].map((id) => `desired:${id}`)],
      }),
    };
  }),
];

/** The servers that are asked for: those of the moment when it was first planned. @throws AppError NotFound, Conflict. */
async function serversFor(context: Context, { servers, labels }: Wish): Promise<ServerRow[]> {
  const { store } = context;
  const all = (await selectServers(store)).filter(({ enrolled_at }) => enrolled_at !== null);
  const ids = await context.recall('servers', async () => {
    const named = servers && (await Promise.all(servers.map((name) => getServerRow(store, name))));
    const strange = named?.find(({ enrolled_at }) => enrolled_at === null);
    if (strange) {
      throw new AppError('Conflict', `Server "${strange.name}" is not enrolled yet.`, {
        field: 'servers',
        hint: 'Enrol it with its token first, or leave it out.',
      });
    }
    const has = await labelsOf(store);
    const found = (named ?? all).filter(({ id }) => !labels || mismatch(labels, has(id).labels) === null);
    if (found.length === 0) {
      const which = labels && Object.keys(labels).length > 0 ? ` that has ${selectorText(labels)}` : '';
      throw new AppError('NotFound', `There is no enrolled server${which}.`, {
        field: labels ? 'labels' : 'servers',
        hint: '`mainstay servers` lists those that there are, with their labels.',
      });
    }
    return found.map(({ id }) => id);
  });
  const wanted = new Set(ids);
  return all.filter(({ id }) => wanted.has(id));
}

function whyNot(
  reported: Awaited<ReturnType<typeof reportedStates>> extends Map<string, infer R> ? R : never,
  archs: string[],
) {
  if (reported === null) return 'it has not reported yet.';
  if (reported.updatable === false)
    return 'its agent is not an executable of its own. It is updated as it was installed: by its package, or with `mainstay up`.';
  const { arch } = reported.facts;
  return archs.includes(arch) ? null : `the release has nothing for ${arch}: npm run build:agent -- --arch ${arch}`;
}

/** Ids of the servers of updates that have not ended. */
async function serversBeingUpdated({ store }: Context): Promise<Set<string>> {
  const rows = await store.db
    .selectFrom('rollout_servers')
    .innerJoin('rollouts', 'rollouts.operation_id', 'rollout_servers.operation_id')
    .select('server_id')
    .where('rollouts.stack_id', '=', '')
    .where('rollouts.state', '!=', 'ended')
    .execute();
  return new Set(rows.map(({ server_id }) => server_id));
}
