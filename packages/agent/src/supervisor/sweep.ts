/** Ends what a crash of the agent left: processes with this agent's mark that nobody knows of any more. */
import type { Clock } from '@mainstay/runtime/clock';
import { isAlive } from './proc.ts';
import { createProcessGroup, type Mark, type ProcessTable } from './process-group.ts';

/** From SIGTERM to SIGKILL. */
const stray_grace_ms = 2_000;

export type SweepOptions = { table: ProcessTable; clock: Clock; agent: string; keep: ReadonlySet<string> };

/**
 * The id that stands in the mark of a build. It names the agent's process too: a build belongs to exactly one life of the
 * agent, so a build whose agent is gone is a stray, and one whose agent lives is none of our business.
 */
export function buildMarkId(build_id: string, agent_process: { pid: number; start_ticks: number }): string {
  return `${build_id}@${agent_process.pid}.${agent_process.start_ticks}`;
}

/** Ends all strays and gives the ids of their instances and builds. */
export async function sweepStrays(options: SweepOptions): Promise<string[]> {
  const { table, clock, agent, keep } = options;
  const strays = new Map<string, Mark>();
  for (const row of table.scan()) {
    const mark = row.dead ? null : table.markOf(row);
    if (mark === null || mark.agent !== agent || row.pid === process.pid) continue;
    if (mark.kind === 'instance' ? !keep.has(mark.id) : isOrphanBuild(mark.id)) strays.set(mark.id, mark);
  }
  await Promise.all(
    [...strays.values()].map((mark) =>
      createProcessGroup({ table, clock, mark, leader: null }).terminate(mark.kind === 'build' ? 0 : stray_grace_ms),
    ),
  );
  return [...strays.values()].map((mark) => mark.id.split('@')[0]!);
}

/** True when the agent's process behind the @ of the mark is gone. */
export function isOrphanBuild(mark_id: string): boolean {
  const match = /@(\d+)\.(\d+)$/.exec(mark_id);
  return match === null || !isAlive(Number(match[1]), Number(match[2]));
}
