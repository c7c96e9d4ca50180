/**
 * Every statement that writes runs and steps, as SQL that is compiled once: it takes many rows as one JSON parameter, so that a
 * round of a hundred steps costs as many statements as a round of one.
 *
 * Each write is fenced: a step is ended only by who holds it (owner and attempt), a run is changed only as it was read (`rev` and
 * `attention`). `rows` makes the whole batch fail when the fence does not hold.
 */
import { CompiledQuery } from 'kysely';
import type { Statement } from '../store/store.ts';

/** What a worker has in hand. */
export type Hold = { id: number; run_id: string; attempt: number };

export function raw(sql: string, parameters: readonly unknown[] = []): { compile(): CompiledQuery } {
  return { compile: () => CompiledQuery.raw(sql, parameters as unknown[]) };
}

/** JSON for `json_each`: one array a row. */
const rowsJson = (rows: readonly (readonly unknown[])[]) => JSON.stringify(rows);
const held = `run_steps.id = j.id and run_steps.attempt = j.attempt and run_steps.state = 'running'`;

/** Claims ready steps of the known definitions, those of highest priority first. */
export const claimSql = `
  update run_steps set state = 'running', lease_owner = ?, attempt = attempt + 1, started_at = ?, changed_at = ?
  where id in (
    select id from run_steps where state = 'ready' and definition in (select value from json_each(?))
    order by priority desc, id limit ?)
  returning id, run_id, definition, key, step, parent, item, items, needs, phase, attempt, failures, losses, output, priority`;

export type Ended = Hold & { key: string; output: string | null; at: number; dependents: readonly string[] };

/** Ends steps that went well, and lets begin what waited for them alone. */
export function endSteps(owner: string, ended: readonly Ended[]): Statement[] {
  const unlocked = new Map<string, [string, string, number]>();
  const runs = new Map<string, number>();
  for (const { run_id, dependents } of ended) {
    runs.set(run_id, (runs.get(run_id) ?? 0) + 1);
    for (const key of dependents) {
      const at = `${run_id}/${key}`;
      const row = unlocked.get(at);
      if (row) row[2]++;
      else unlocked.set(at, [run_id, key, 1]);
    }
  }
  const now = ended[0]!.at;
  return [
    { query: raw('update run_sequence set next = next + ? where id = 1', [ended.length]), rows: 1 },
    {
      query: raw(
        `update run_steps set state = 'succeeded', output = j.output, finished_at = j.at, changed_at = j.at, error = null,
           lease_owner = null, completed_seq = (select next from run_sequence where id = 1) - ? + j.place
         from (select value ->> 0 as id, value ->> 1 as attempt, value ->> 2 as output, value ->> 3 as at, key as place
               from json_each(?)) j
         where ${held} and +run_steps.lease_owner = ?`, // the plus: by id, not by owner, which would compare all with all
        [ended.length, rowsJson(ended.map(({ id, attempt, output, at }) => [id, attempt, output, at])), owner],
      ),
      rows: ended.length,
    },
    ...(unlocked.size > 0 ? [unlock([...unlocked.values()], now)] : []),
    {
      query: raw(
        `update runs set steps_left = steps_left - j.n, changed_at = ?,
           attention = attention + (steps_left = j.n or limited = 1 or state not in ('running', 'paused'))
         from (select value ->> 0 as id, value ->> 1 as n from json_each(?)) j where runs.id = j.id`,
        [now, rowsJson([...runs])],
      ),
    },
  ];
}

/** Takes so many from what each of these steps of a run waits for. */
function unlock(steps: readonly [run_id: string, key: string, n: number][], now: number): Statement {
  return {
    query: raw(
      `update run_steps set needs_left = needs_left - j.n, changed_at = ?, available_at = ?,
         state = case when run_steps.needs_left = j.n and run_steps.state in ('waiting', 'expanded')
           then iif(r.state = 'running' and (r.limited = 0 or run_steps.state = 'expanded'), 'ready', 'held')
           else run_steps.state end
       from (select value ->> 0 as run_id, value ->> 1 as key, value ->> 2 as n from json_each(?)) j
         join runs r on r.id = j.run_id
       where run_steps.run_id = j.run_id and run_steps.key = j.key`,
      [now, now, rowsJson(steps)],
    ),
  };
}

const one = `id = ? and attempt = ? and lease_owner = ? and state = 'running'`;
const fence = (hold: Hold, owner: string) => [hold.id, hold.attempt, owner];

/** Has the run be looked at. */
export function callAttention(run_id: string, now: number): Statement {
  return { query: raw('update runs set attention = attention + 1, changed_at = ? where id = ?', [now, run_id]) };
}

export type NewStep = {
  key: string;
  step: string;
  parent: string | null;
  item: string | null;
  needs: readonly string[];
  state: 'waiting' | 'held' | 'ready';
  has_undo: boolean;
  priority: number;
};

/** Rows of new steps, for a run of that definition; those that are there already stay as they are. */
export function insertSteps(
  run: { run_id: string; definition: string },
  steps: readonly NewStep[],
  now: number,
): Statement {
  return insertStepsOf([{ ...run, steps }], now);
}

export function insertStepsOf(
  runs: readonly { run_id: string; definition: string; steps: readonly NewStep[] }[],
  now: number,
): Statement {
  const rows = runs.flatMap(({ run_id, definition, steps }) =>
    steps.map((s) => [
      run_id,
      definition,
      s.key,
      s.step,
      s.parent,
      s.item,
      JSON.stringify(s.needs),
      s.needs.length,
      s.state,
      s.has_undo ? 1 : 0,
      s.priority,
    ]),
  );
  return {
    query: raw(
      `insert into run_steps
         (run_id, definition, key, step, parent, item, needs, needs_left, phase, state, has_undo, priority, available_at, changed_at)
       select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7, 'do',
         value ->> 8, value ->> 9, value ->> 10, ?, ?
       from json_each(?) j join runs r on r.id = j.value ->> 0 and r.definition = j.value ->> 1
       where true on conflict (run_id, key) do nothing`,
      [now, now, rowsJson(rows)],
    ),
  };
}

/** The list of a fan-out is known: its items become steps, and it waits for them. */
export function expandStep(
  owner: string,
  hold: Hold & { definition: string; at: number },
  items: readonly NewStep[],
): Statement[] {
  const { at, run_id } = hold;
  return [
    {
      query: raw(
        `update run_steps set items = ?, needs_left = ?, lease_owner = null, error = null, changed_at = ?, failures = 0,
           state = case (select state from runs where id = ?) when 'running' then ? when 'paused' then ? else 'cancelled' end
         where ${one}`,
        [
          ...[items.length, items.length, at, run_id],
          ...(items.length > 0 ? ['expanded', 'expanded'] : ['ready', 'held']),
          ...fence(hold, owner),
        ],
      ),
      rows: 1,
    },
    ...(items.length > 0 ? [insertSteps({ run_id, definition: hold.definition }, items, at)] : []),
    {
      query: raw('update runs set steps_total = steps_total + ?, steps_left = steps_left + ? where id = ?', [
        items.length,
        items.length,
        run_id,
      ]),
    },
    // What was paused or cancelled meanwhile holds for the items too.
    {
      query: raw(
        `update run_steps set state = iif((select state from runs where id = ?) = 'paused', 'held', 'skipped')
         where run_id = ? and parent is not null and state = 'ready' and phase = 'do'
           and (select state from runs where id = ?) <> 'running'`,
        [run_id, run_id, run_id],
      ),
    },
    callAttention(run_id, at),
  ];
}

/** A step waits for a topic or a time, or for its next try. Where its run is being undone, it is cancelled instead. */
export function parkStep(
  owner: string,
  hold: Hold & { at: number },
  until_ms: number,
  topic: string | null,
  failure: { error: string } | null,
): Statement[] {
  return [
    {
      query: raw(
        `update run_steps set
           state = iif(phase = 'do' and (select state from runs where id = ?) not in ('running', 'paused'), 'cancelled', 'parked'),
           lease_owner = null, wake_topic = ?, available_at = ?, changed_at = ?, error = ?, failures = failures + ? where ${one}`,
        [hold.run_id, topic, until_ms, hold.at, failure?.error ?? null, failure ? 1 : 0, ...fence(hold, owner)],
      ),
      rows: 1,
    },
    {
      query: raw(
        `update runs set attention = attention + 1, changed_at = ? where id = ? and (limited = 1 or state not in ('running', 'paused'))`,
        [hold.at, hold.run_id],
      ),
    },
  ];
}

/** A step has failed for good; where its run goes back already, it is cancelled. */
export function failStep(owner: string, hold: Hold & { at: number }, error: string, isItem: boolean): Statement[] {
  return [
    {
      query: raw(
        `update run_steps set error = ?, failures = failures + 1, lease_owner = null, finished_at = ?, changed_at = ?,
           state = iif(phase = 'do' and (select state from runs where id = ?) not in ('running', 'paused'), 'cancelled', 'failed')
         where ${one}`,
        [error, hold.at, hold.at, hold.run_id, ...fence(hold, owner)],
      ),
      rows: 1,
    },
    // From now on the end of each other item is looked at, as one of them is the last.
    ...(isItem ? [{ query: raw('update runs set limited = 1 where id = ?', [hold.run_id]) }] : []),
    callAttention(hold.run_id, hold.at),
  ];
}

/** An undo went well. */
export function endUndo(owner: string, hold: Hold & { at: number }): Statement[] {
  return [
    {
      query: raw(
        `update run_steps set state = 'succeeded', error = null, lease_owner = null, finished_at = ?, changed_at = ? where ${one}`,
        [hold.at, hold.at, ...fence(hold, owner)],
      ),
      rows: 1,
    },
    callAttention(hold.run_id, hold.at),
  ];
}

/** A step is given back as if it had not been claimed; its worker ends. */
export function releaseStep(owner: string, hold: Hold & { at: number }): Statement[] {
  return [
    {
      query: raw(
        `update run_steps set lease_owner = null, changed_at = ?,
           state = iif(phase = 'undo', 'ready',
             case (select state from runs where id = ?) when 'running' then 'ready' when 'paused' then 'held' else 'cancelled' end)
         where ${one}`,
        [hold.at, hold.run_id, ...fence(hold, owner)],
      ),
      rows: 1,
    },
  ];
}

const woken = `state = iif((select state from runs where id = run_steps.run_id) = 'paused' and phase = 'do', 'held', 'ready'),
  wake_topic = null, available_at = ?, changed_at = ?`;

export function wakeDue(now: number): Statement {
  return { query: raw(`update run_steps set ${woken} where state = 'parked' and available_at <= ?`, [now, now, now]) };
}

export function wakeTopics(topics: readonly string[], now: number): Statement {
  return {
    query: raw(
      `update run_steps set ${woken} where state = 'parked' and wake_topic is not null
         and wake_topic in (select value from json_each(?))`,
      [now, now, JSON.stringify(topics)],
    ),
  };
}

export type NewEvent = { run_id: string; step: string | null; at: number; kind: string; message: string };

export function insertRunEvents(events: readonly NewEvent[]): Statement {
  return {
    query: raw(
      `insert into run_events (run_id, step, at, kind, message)
       select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 from json_each(?)`,
      [rowsJson(events.map(({ run_id, step, at, kind, message }) => [run_id, step, at, kind, message]))],
    ),
  };
}
