/** The items of a fan-out: how they stand, and how many more its rules let begin. */
import type { Statement, Store } from '../store/store.ts';
import { raw } from './run-sql.ts';
import type { Rollout } from './workflow.ts';

/** Items that have not begun never do; those under way go on to their end. */
export function skipItems(run_id: string, parent: string, now: number): Statement {
  return {
    query: raw(
      `update run_steps set state = 'skipped', changed_at = ?, finished_at = ?
       where run_id = ? and parent = ? and state in ('held', 'ready')`,
      [now, now, run_id, parent],
    ),
  };
}

type Items = { first: number; open: number | null; busy: number; ready: number; failed: number; held: number };

export async function itemsOf(store: Store, run_id: string, parent: string): Promise<Items> {
  const { rows } = await store.db.executeQuery<Items>(
    raw(
      `select min(id) as first, min(case when state in ('held', 'ready', 'running', 'parked') then id end) as open,
         coalesce(sum(state in ('running', 'parked')), 0) as busy, coalesce(sum(state = 'ready'), 0) as ready,
         coalesce(sum(state = 'failed'), 0) as failed, coalesce(sum(state = 'held'), 0) as held
       from run_steps where run_id = ? and parent = ? and phase = 'do'`,
      [run_id, parent],
    ).compile(),
  );
  return rows[0]!;
}

/** How many more items may begin, and before which id. */
export type Room = { most: number; before: number };

/** Items have consecutive ids, so that the place of one in the list is its distance from the first. */
export function roomIn({ batch_size, max_unavailable }: Rollout, items: Items): Room {
  const room: Room = { most: items.held, before: Number.MAX_SAFE_INTEGER };
  if (max_unavailable !== undefined) room.most = max_unavailable - items.busy - items.ready - items.failed;
  if (batch_size !== undefined && items.open !== null) {
    const batch = Math.floor((items.open - items.first) / batch_size);
    room.before = items.first + (batch + 1) * batch_size;
  }
  return room;
}
