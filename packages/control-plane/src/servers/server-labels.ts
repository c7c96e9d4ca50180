/**
 * Labels and environments of servers: their rows, and the operation that changes them. A change is judged by what the server is and by what it
 * is to be, so that nobody takes a label away to get round the policy that it stands for.
 */
import { AppError } from '@mainstay/contract/errors';
import type { PlanChange } from '@mainstay/contract/operation';
import { operations } from '@mainstay/contract/operations/index';
import { type Labels, labels_max } from '@mainstay/contract/server-labels';
import { changes, type Handler } from '../operations/handlers.ts';
import { moveText, nextMoves } from '../stacks/target-views.ts';
import type { Statement, Store } from '../store/store.ts';
import { getServerRow, updateServer } from './server-store.ts';

export type Labelled = { labels: Labels; environment: string | null };
const none: Labelled = { labels: {}, environment: null };

/** What each of these servers is said to be; all servers when none are named. */
export async function labelsOf(store: Store, ids?: readonly string[]): Promise<(id: string) => Labelled> {
  const found = new Map<string, Labelled>();
  const starts = ids === undefined ? [0] : Array.from({ length: Math.ceil(ids.length / 500) }, (_, at) => at * 500);
  for (const start of starts) {
    let query = store.db.selectFrom('server_labels').selectAll();
    if (ids !== undefined) query = query.where('server_id', 'in', ids.slice(start, start + 500));
    for (const { server_id, labels, environment } of await query.execute())
      found.set(server_id, { labels: JSON.parse(labels) as Labels, environment });
  }
  return (id) => found.get(id) ?? none;
}

export function putLabels(store: Store, server_id: string, { labels, environment }: Labelled): Statement {
  const row = { labels: JSON.stringify(labels), environment };
  return {
    query: store.db
      .insertInto('server_labels')
      .values({ server_id, ...row })
      .onConflict((conflict) => conflict.column('server_id').doUpdateSet(row)),
  };
}

export function forgetLabels(store: Store, server_id: string): Statement {
  return { query: store.db.deleteFrom('server_labels').where('server_id', '=', server_id) };
}

/** How one is made into the other, as a plan shows it. */
export function labelChanges(from: Labelled, to: Labelled): PlanChange[] {
  const keys = [...new Set([...Object.keys(from.labels), ...Object.keys(to.labels)])].sort();
  const pairs: [string, string | null, string | null][] = [
    ...keys.map((key): [string, string | null, string | null] => [
      `labels.${key}`,
      from.labels[key] ?? null,
      to.labels[key] ?? null,
    ]),
    ['environment', from.environment, to.environment],
  ];
  return pairs.flatMap(([path, before, after]): PlanChange[] => {
    if (before === after) return [];
    if (after === null) return [{ action: 'delete', path, from: before }];
    return [
      before === null ? { action: 'create', path, to: after } : { action: 'update', path, from: before, to: after },
    ];
  });
}

export const serverLabelHandlers: Handler[] = [
  changes(operations['servers.label'], async ({ store }, { server: name, set = {}, remove = [], environment }) => {
    const server = await getServerRow(store, name);
    const from = (await labelsOf(store, [server.id]))(server.id);
    const both = remove.find((key) => key in set);
    if (both !== undefined) {
      throw new AppError('InvalidInput', `Label "${both}" is to be set and to be taken away.`, {
        field: 'remove',
        hint: 'Name it once.',
      });
    }
    const kept = Object.entries(from.labels).filter(([key]) => !remove.includes(key));
    const labels: Labels = { ...Object.fromEntries(kept), ...set };
    if (Object.keys(labels).length > labels_max) {
      throw new AppError('InvalidInput', `Server "${name}" would have more than ${labels_max} labels.`, {
        field: 'set',
        hint: 'Take some away.',
      });
    }
    const to: Labelled = { labels, environment: environment === undefined ? from.environment : environment || null };
    const relabelled = new Map([[server.id, labels]]);
    const moves = (await nextMoves({ store }, { relabelled }))(server).next_moves;
    return {
      warnings: moves.map(({ stack, move, why }) => moveText(name, stack, move, why)),
      summary: `Label server ${name}`,
      target: `server/${name}`,
      base: server.rev,
      changes: labelChanges(from, to),
      action: { kind: 'control_plane' },
      about_servers: [
        { name, ...from },
        { name, ...to },
      ],
      carryOut: () => ({
        statements: [updateServer(store, server, {}), putLabels(store, server.id, to)],
        signals: ['servers'],
      }),
    };
  }),
];
