/**
 * What servers report: state, events, log lines. Batches are numbered; a batch that comes again is acknowledged again and
 * stored once, because the number and the rows are written together.
 */
import type { AgentEvent, AgentLogLine, AgentState } from '@mainstay/contract/agent-api';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { insertLines } from '../logs/log-store.ts';
import { findStackById } from '../stacks/stack-store.ts';
import { findServerById, rememberState, reportedState, type ServerRow } from './server-store.ts';

export type Reports = {
  heartbeat(server: ServerRow, state: AgentState): Promise<void>;
  /** Gives the number up to which everything is stored. */
  events(server: ServerRow, events: readonly AgentEvent[]): Promise<number>;
  lines(server: ServerRow, lines: readonly AgentLogLine[]): Promise<number>;
};

export function createReports(context: Context): Reports {
  const { store, clock, signals } = context;
  /** What people would notice of a server's last report, so that only that wakes anybody. */
  const noticed = new Map<string, string>();

  /** The stack that a report is about: the one that the server says it runs, which after a new assignment is the old one for a while. */
  const stackName = async (server: ServerRow) => {
    const stack_id = (await reportedState(store, server))?.stack_id ?? server.stack_id;
    return stack_id === null ? null : ((await findStackById(store, stack_id))?.name ?? null);
  };

  return {
    async heartbeat(server, state) {
      const now = clock.now();
      const update = { state: JSON.stringify(state), last_seen_at: now, online: 1 };
      const statements = [{ query: store.db.updateTable('servers').set(update).where('id', '=', server.id) }];
      if (!server.online) {
        statements.push(
          insertEvent(store, {
            kind: 'server.online',
            message: `Server ${server.name} reports again.`,
            at: now,
            server: server.name,
          }) as never,
        );
      }
      await store.batch(statements);
      rememberState(server.id, now, state);
      const notice = noticeOf(state);
      if (server.online && noticed.get(server.id) === notice) return;
      if (noticed.size > 20_000) noticed.clear();
      noticed.set(server.id, notice);
      context.settle();
      signals.notify('servers', 'services', 'stacks', ...(server.online ? [] : ['events']));
    },

    async events(server, events) {
      const fresh = await unseen(events, server.id, 'last_event_seq');
      const last = fresh.rows.at(-1);
      if (!last) return fresh.seq;
      const stack = await stackName(server);
      await store.batch([
        counted(server, 'last_event_seq', fresh.seq, last.seq),
        ...fresh.rows.map(({ seq: _, ...event }) => insertEvent(store, { ...event, stack, server: server.name })),
      ]);
      signals.notify('events');
      return last.seq;
    },

    async lines(server, lines) {
      const fresh = await unseen(lines, server.id, 'last_log_seq');
      const last = fresh.rows.at(-1);
      if (!last) return fresh.seq;
      const stack = await stackName(server);
      await store.batch([
        counted(server, 'last_log_seq', fresh.seq, last.seq),
        ...(stack === null ? [] : insertLines(store, stack, server.name, fresh.rows)),
      ]);
      if (stack !== null) signals.notify(`logs:${stack}`);
      return last.seq;
    },
  };

  /** The rows of a batch that are not stored yet, in order, and the number up to which everything is. */
  async function unseen<T extends { seq: number }>(
    batch: readonly T[],
    id: string,
    column: 'last_event_seq' | 'last_log_seq',
  ) {
    const seq = (await findServerById(store, id))?.[column] ?? 0;
    const rows: T[] = [];
    let last = seq;
    for (const row of batch) {
      if (row.seq <= last) continue;
      last = row.seq;
      rows.push(row);
    }
    return { seq, rows };
  }

  function counted(server: ServerRow, column: 'last_event_seq' | 'last_log_seq', from: number, to: number) {
    const query = store.db
      .updateTable('servers')
      .set({ [column]: to })
      .where('id', '=', server.id)
      .where(column, '=', from);
    return { query, rows: 1 };
  }
}

/** The part of a report whose change people would notice: not the seconds of a processor, nor when a check was last made. */
function noticeOf(state: AgentState): string {
  const services = Object.entries(state.services).map(([name, service]) => {
    const { cpu_fraction: _, memory_bytes: __, health, ...rest } = service;
    return [name, rest, health.state, health.message];
  });
  const { accepted_version, receipt, refusal, proxy, problems } = state;
  return JSON.stringify([accepted_version, receipt, refusal, proxy, problems, services]);
}
