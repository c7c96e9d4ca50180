/** Many runs, on a few installations beside each other: most of a run is waiting. Which installation a run has does not change its chance. */
import { createInstallation, type Installation } from './installation.ts';
import { type RunResult, runRound, type Verified } from './round.ts';

export type KillOptions = {
  seed: number;
  /** Numbers of the runs, from 1. */
  runs: readonly number[];
  /** Installations beside each other. */
  lanes: number;
  onRun?: (result: RunResult) => void;
};

export type KillResults = { runs: RunResult[]; commits: number; kept: string[] };

/** After a broken law its installation is kept for whoever looks into it, and the lane goes on with a new one. */
export async function killSuite({ seed, runs, lanes, onRun }: KillOptions): Promise<KillResults> {
  const waiting = [...runs];
  const results: KillResults = { runs: [], commits: 0, kept: [] };
  const lane = async (number: number) => {
    let at: Installation | null = null;
    let verified: Verified = { commit: null, commits: 0 };
    const end = async (keep: boolean) => {
      results.commits += verified.commits;
      if (keep && at) results.kept.push(at.folder);
      await at?.close(keep);
      at = null;
    };
    try {
      for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
        if (!at) verified = { commit: null, commits: 0 };
        at ??= await createInstallation({ ports_from: 24_000 + number * 200 });
        const result = await runRound(at, verified, seed, run);
        results.runs.push(result);
        onRun?.(result);
        if (result.broken.length > 0) await end(true);
      }
    } finally {
      await end(false);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, runs.length) }, (_, number) => lane(number)));
  results.runs.sort((a, b) => a.run - b.run);
  return results;
}
