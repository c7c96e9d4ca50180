/**
 * Looks, round after round, whether what the agent set up on this server is still so: the proxy and its unit, the builds that
 * serve, the units of its services, and the agent's own files and unit. What is not is put back in the same round and told. What serves is upkeep's, names are those of
 * names upkeep, and the firewall is its own part's: they look more often, and tell by the same log.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { DesiredService } from '@mainstay/contract/desired-state';
import type { Context } from '../reconciler/context.ts';
import { type Drift, drift } from './drift.ts';
import type { DriftLog } from './drift-log.ts';

export type DriftWatch = {
  /** Begins a round when it is time for one, unless one is under way. Never throws. */
  tick(): void;
  /** Gives the round under way up, and waits for its end. Never rejects. */
  settle(): Promise<void>;
};

export type DriftWatchParts = {
  drift_log: DriftLog;
  /** Services that are to run, by name. */
  services(): Readonly<Record<string, DesiredService>>;
  /** Builds again, and tells of it. */
  ensureBuild(service: string, desired: DesiredService, signal: AbortSignal): Promise<void>;
  /** Starts a service anew whose files were put back under it. */
  renew(service: string): void;
  /** Files of the agent that it cannot do without, and never deletes while it runs. */
  kept_files: readonly string[];
};

export function createDriftWatch(context: Context, parts: DriftWatchParts): DriftWatch {
  const { clock, proxy, own_unit, unit_guard, workspace, settings, log } = context;
  const { drift_log } = parts;
  const contents = new Map<string, Buffer>();
  let next_at = 0;
  let round: { abort: AbortController; done: Promise<void> } | null = null;

  /** A file that is gone is written again as it was when it was last seen. */
  const keepFiles = () => {
    for (const path of parts.kept_files) {
      if (existsSync(path)) {
        contents.set(path, readFileSync(path));
        continue;
      }
      const content = contents.get(path);
      if (!content) continue;
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(`${path}.back`, content, { mode: 0o600 });
      renameSync(`${path}.back`, path);
      drift_log.repaired(drift(path, 'a file of the agent', 'it is not there'));
    }
  };

  const keepBuilds = async (signal: AbortSignal) => {
    for (const [service, desired] of Object.entries(parts.services())) {
      if (signal.aborted) return;
      if (await workspace.hasBuild(desired.build_id)) continue;
      await parts.ensureBuild(service, desired, signal);
      if (signal.aborted) return;
      parts.renew(service);
    }
  };

  const keep = async (kept: { repair(): Promise<Drift[]> }) => {
    for (const found of await kept.repair()) drift_log.repaired(found);
  };

  const run = async (signal: AbortSignal) => {
    const steps: [string, () => unknown][] = [
      ['files of the agent', keepFiles],
      ['the proxy', () => keep(proxy)],
      ['the unit of the agent', () => keep(own_unit)],
      ['units', () => keep({ repair: () => unit_guard.repair(parts.renew) })],
      ['builds', () => keepBuilds(signal)],
    ];
    for (const [what, step] of steps) {
      try {
        if (!signal.aborted) await step();
      } catch (error) {
        if (!signal.aborted) log.warn({ what, reason: (error as Error).message }, 'drift could not be put back');
      }
    }
  };

  return {
    tick() {
      if (round !== null || clock.now() < next_at) return;
      const abort = new AbortController();
      const done = run(abort.signal).finally(() => {
        next_at = clock.now() + settings.drift_interval_ms;
        round = null;
      });
      round = { abort, done };
    },
    async settle() {
      round?.abort.abort();
      await round?.done;
    },
  };
}
