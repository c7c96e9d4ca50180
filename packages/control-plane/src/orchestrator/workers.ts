/**
 * Who works: each orchestrator has one row with a lease that it renews. Steps name their owner, so that renewing is one write
 * however many are under way. When a lease has ended, or its process is seen to be gone, the steps go to whoever claims them next.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Store } from '../store/store.ts';
import { BatchConflict } from '../store/store.ts';
import { raw } from './run-sql.ts';

/** A step whose worker was lost so often is what kills them: it fails instead of being given to the next. */
export const losses_max = 10;

export function newOwner(): { owner: string; process: string } {
  const identity = processIdentity(process.pid) ?? 'unknown';
  return { owner: `${process.pid}-${randomBytes(8).toString('hex')}`, process: identity };
}

/** Boot, PID namespace, PID and start time: no other process has ever had the same. Null where there is no such process, or no /proc. */
function processIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The 22nd field of proc(5), after the command's name, which may hold anything but ends with the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return null;
    return [bootId(), readlinkSync('/proc/self/ns/pid'), pid, fields[19]].join('/');
  } catch {
    return null;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** True when the process is known to be gone; false when it lives, or cannot be seen from here. */
export function isGone(identity: string): boolean {
  const own = processIdentity(process.pid);
  const [boot, namespace, pid] = identity.split('/');
  const [ownBoot, ownNamespace] = own?.split('/') ?? [];
  if (!own || boot !== ownBoot || namespace !== ownNamespace) return false;
  return processIdentity(Number(pid)) !== identity;
}

/** Renews the lease, and makes it at the beginning. */
export async function renewLease(store: Store, owner: string, identity: string, until: number): Promise<void> {
  const query = raw(
    `insert into run_workers (owner, process, lease_until) values (?, ?, ?)
     on conflict (owner) do update set lease_until = excluded.lease_until`,
    [owner, identity, until],
  );
  await store.batch([{ query }]);
}

export async function endLease(store: Store, owner: string): Promise<void> {
  await store.batch([{ query: raw('delete from run_workers where owner = ?', [owner]) }]);
}

/** Takes from workers that are gone what they had. Returns how many steps that were. */
export async function takeOver(store: Store, owner: string, now: number): Promise<number> {
  const rows = await store.db.selectFrom('run_workers').selectAll().where('owner', '!=', owner).execute();
  const gone = rows.filter((row) => row.lease_until <= now || isGone(row.process)).map((row) => row.owner);
  // A worker that was taken for gone, went on, and then ended, has no row any more.
  const strays = await store.db.executeQuery<{ lease_owner: string }>(
    raw(
      `select distinct lease_owner from run_steps
       where state = 'running' and lease_owner <> ? and lease_owner not in (select owner from run_workers)`,
      [owner],
    ).compile(),
  );
  let taken = 0;
  for (const lost of [...gone, ...strays.rows.map((row) => row.lease_owner)]) {
    const held = `state = 'running' and lease_owner = ?`;
    const count = await store.db.executeQuery<{ n: number }>(
      raw(`select count(*) as n from run_steps where ${held}`, [lost]).compile(),
    );
    try {
      await store.batch([
        ...(gone.includes(lost)
          ? [
              {
                query: raw('delete from run_workers where owner = ? and (lease_until <= ? or ?)', [
                  lost,
                  now,
                  isGone(rows.find((row) => row.owner === lost)!.process) ? 1 : 0,
                ]),
                rows: 1,
              },
            ]
          : []),
        {
          query: raw(
            `update runs set attention = attention + 1, changed_at = ?
             where id in (select run_id from run_steps where ${held})`,
            [now, lost],
          ),
        },
        {
          query: raw(
            `insert into run_events (run_id, step, at, kind, message)
             select run_id, key, ?, 'step.taken_over', 'Its worker was lost; it is done by another one.' from run_steps where ${held}`,
            [now, lost],
          ),
        },
        {
          query: raw(
            `update run_steps set lease_owner = null, losses = losses + 1, changed_at = ?, available_at = ?,
               error = iif(losses + 1 >= ?, ?, error),
               state = case when losses + 1 >= ? then 'failed' when phase = 'undo' then 'ready'
                 else case (select state from runs where id = run_steps.run_id)
                   when 'running' then 'ready' when 'paused' then 'held' else 'cancelled' end end
             where ${held}`,
            [now, now, losses_max, lossError, losses_max, lost],
          ),
        },
      ]);
      taken += Number(count.rows[0]?.n ?? 0);
    } catch (error) {
      // Another worker was quicker, or the lease was renewed at the last moment.
      if (!(error instanceof BatchConflict)) throw error;
    }
  }
  return taken;
}

const lossError = JSON.stringify({
  code: 'Internal',
  message: `${losses_max} workers were lost while they did this step.`,
  hint: 'Look into the logs of the workers for what ended them, then retry the run.',
});
