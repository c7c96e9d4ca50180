/** How far the rollout is with each service, for those who watch; in memory only. */
import type { DeployStage } from '@mainstay/contract/agent-api';
import type { DesiredService } from '@mainstay/contract/desired-state';

export type Candidate = { release_id: string; commit: string; stage: DeployStage; since: number };

export type Progress = {
  enter(service: string, desired: DesiredService, stage: DeployStage): void;
  of(service: string): Candidate | null;
  clear(): void;
};

export function createProgress(now: () => number, changed: () => void): Progress {
  const candidates = new Map<string, Candidate>();
  return {
    enter(service, { release_id, source }, stage) {
      candidates.set(service, { release_id, commit: source.commit, stage, since: now() });
      changed();
    },
    of: (service) => candidates.get(service) ?? null,
    clear() {
      if (candidates.size === 0) return;
      candidates.clear();
      changed();
    },
  };
}
