/**
 * What servers report: state, events, log lines. Batches are numbered; a batch that comes again is acknowledged again and
 * stored once, because the number and the rows are written together.
 */
import { hash } from 'node:crypto';
import type { AgentEvent, AgentLogLine, AgentState } from '@mainstay/contract/agent-api';
import type { Context } from '../context.ts';
import { insertEvent } from '../events/event-store.ts';
import { insertLines } from '../logs/log-store.ts';
import { createRounds } from '../rounds.ts';
import { createSubjectNotes } from '../stacks/commit-subjects.ts';
import { findStackById } from '../stacks/stack-store.ts';
import {
  findServerById,
  noteSeen,
  refreshState,
  rememberState,
  reportedState,
  type ServerRow,
  storeReport,
} from './server-store.ts';

export type Reports = {
  /** @param sent_at By the server's own clock. */
  heartbeat(server: ServerRow, state: AgentState, sent_at: number): Promise<void>;
  /** Gives the number up to which everything is stored. */
  events(server: ServerRow, events: readonly AgentEvent[]): Promise<number>;
  lines(server: ServerRow, lines: readonly AgentLogLine[]): Promise<number>;
};

/** Heartbeats that come within this time are written together: those of a fleet come by the hundred in a second. */
const written_apart_ms = 100;

/** A report that says nothing new is written again after this time, so that a restart finds one that is not much older. */
const written_again_after_ms = 60_000;

/** More than a control plane has servers; beyond it what was written is forgotten, and written once more. */
const written_max = 20_000;

type Beat = { server: ServerRow; state: AgentState; notice: string };

export function createReports(context: Context): Reports {
  const { store, clock, signals } = context;
  /** Reports that are to be written; of those that say nothing new only that the server was seen. */
  const waiting = new Map<string, Beat>();
  const seen = new Set<string>();
  /** What people would notice of the report of a server that is stored, so that only news is stored and wakes anybody. */
  const written = new Map<string, { notice: string; at: number }>();
  const notes = createSubjectNotes(store);

  /** The stack that a report is about: the one that the server says it runs, which after a new assignment is the old one for a while. */
  const stackName = async (server: ServerRow) => {
    const stack_id = (await reportedState(store, server))?.stack_id ?? server.stack_id;
    return stack_id === null ? null : ((await findStackById(store, stack_id))?.name ?? null);
  };

  const isNews = ({ server, notice }: Beat) => !server.online || written.get(server.id)?.notice !== notice;

  const writeHeartbeats = async () => {
    const now = clock.now();
    const beats = [...waiting.values()];
    const ids = [...new Set([...waiting.keys(), ...seen])];
    waiting.clear();
    seen.clear();
    const news = beats.filter(isNews);
    const back = news.filter(({ server }) => !server.online).map(({ server }) => server);
    const subjects = notes.take(news, now);
    await store.batch([
      ...inGroups(ids).map((group) => ({
        query: store.db.updateTable('servers').set({ last_seen_at: now, online: 1 }).where('id', 'in', group),
      })),
      ...beats.map(({ server, state }) => storeReport(store, server.id, state)),
      ...subjects.statements,
      ...back.map(({ name }) =>
        insertEvent(store, { kind: 'server.online', message: `Server ${name} reports again.`, at: now, server: name }),
      ),
    ]);
    subjects.written();
    if (written.size > written_max) written.clear();
    for (const beat of beats) {
      if (isNews(beat) || !refreshState(beat.server.id, beat.state)) rememberState(beat.server.id, now, beat.state);
    }
    for (const id of ids) noteSeen(id, now);
    for (const { server, notice } of beats) written.set(server.id, { notice, at: now });
    if (news.length === 0) return;
    context.settle();
    signals.notify('servers', 'services', 'stacks', ...(back.length > 0 ? ['events'] : []));
  };
  const rounds = createRounds(async () => {
    try {
      await writeHeartbeats();
    } catch (error) {
      // Every report waits to be written again, so that its server is told when that fails.
      written.clear();
      throw error;
    }
  }, written_apart_ms);

  return {
    async heartbeat(server, state, sent_at) {
      context.usage.take(server.id, sent_at, state);
      const beat = { server, state, notice: noticeOf(state) };
      const isFresh = clock.now() - (written.get(server.id)?.at ?? 0) < written_again_after_ms;
      if (isFresh && !isNews(beat) && !waiting.has(server.id) && refreshState(server.id, state)) {
        // Not waited for: reports of a fleet that live until the next round are the most of what a collection of garbage moves.
        seen.add(server.id);
        rounds.next().catch(() => {});
        return;
      }
      waiting.set(server.id, beat);
      await rounds.next();
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

/** Fields of a report whose change people would notice; of its services a part. */
const noticed = [
  'accepted_version',
  'receipt',
  'refusal',
  'server',
  'server_refusal',
  'drained',
  'security',
  'tunnel',
  'proxy',
  'names',
  'drift',
  'problems',
] as const satisfies readonly (keyof AgentState)[];

/** Stands for the part of a report whose change people would notice: not the seconds of a processor, nor how long the last check took. */
export function noticeOf(state: AgentState): string {
  const services = Object.entries(state.services).map(([name, service]) => {
    const { cpu_fraction: _, memory_bytes: __, health, ...rest } = service;
    return [name, rest, health.state, health.message];
  });
  return hash('sha256', JSON.stringify([noticed.map((field) => state[field]), services]), 'base64url');
}

/** Groups that fit into one statement. */
function inGroups<T>(items: readonly T[]): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < items.length; start += 500) groups.push(items.slice(start, start + 500));
  return groups;
}
