/**
 * Tidying up, done when nothing is rolled out: releases beyond the five that are kept, services that were removed, builds,
 * mirrors and secrets that nothing kept needs. Idempotent, and computed from the journal alone, so that a crash in the
 * middle is made good by the next round.
 */
import { releases_kept_max } from '../state/releases.ts';
import type { Context } from './context.ts';
import type { Drains } from './drains.ts';
import { wantedServices } from './plan.ts';
import type { ProxyUpkeep } from './proxy-upkeep.ts';

export type Tidy = {
  /** Something may be there to be tidied up. */
  request(): void;
  /** Tidies up if it was asked for. */
  run(): Promise<void>;
};

export function createTidy(context: Context, proxy_upkeep: ProxyUpkeep, drains: () => Drains): Tidy {
  const { state, workspace, emit } = context;
  let wanted = true;

  const removeService = async (service: string) => {
    const delete_data = state.desired.applied()?.document.removed?.delete_data ?? false;
    if (delete_data) await workspace.deleteData(service);
    state.write(() => {
      for (const { release_id } of state.releases.list(service)) state.releases.remove(service, release_id);
      state.services.remove(service);
    });
    const message = delete_data
      ? 'The service and its data were removed.'
      : 'The service was removed; its data was kept.';
    emit({ kind: 'service.removed', severity: 'notice', message, service });
  };

  const pruneReleases = (service: string) => {
    let kept = 0;
    let failed = 0;
    for (const { release_id, state: release_state } of state.releases.list(service)) {
      const of_these = release_state === 'failed' ? ++failed : ++kept;
      const in_use = release_state !== 'kept' && release_state !== 'failed';
      if (in_use || of_these <= releases_kept_max) continue;
      state.releases.remove(service, release_id);
      emit({ kind: 'release.pruned', message: `Release ${release_id} is no longer kept.`, service, release_id });
    }
  };

  const tidy = async () => {
    const applied = state.desired.applied();
    const accepted = state.desired.accepted();
    const services = { ...wantedServices(applied?.document ?? null), ...wantedServices(accepted?.document ?? null) };
    const running = new Set(state.releases.instances().map((instance) => instance.service));
    for (const service of state.releases.services()) {
      if (service in services) pruneReleases(service);
      else if (!running.has(service)) await removeService(service);
    }
    const all = state.releases.list();
    const releases = all.filter((release) => release.state !== 'failed');
    const desired = [...releases.map((release) => release.desired), ...Object.values(services)];
    await workspace.prune({
      build_ids: new Set(releases.map((release) => release.desired.build_id)),
      urls: new Set(releases.map((release) => release.desired.source.git)),
    });
    state.commits.keep(new Set(all.map((release) => release.desired.source.commit)));
    const tunnels = [state.server.applied(), state.server.accepted()].flatMap(
      (server) => server?.document.tunnel ?? [],
    );
    state.secrets.keep(
      new Set([
        ...desired.flatMap(({ secrets, source }) => [
          ...Object.values(secrets),
          ...(source.credential ? [source.credential.commitment] : []),
        ]),
        ...tunnels.map(({ token }) => token),
      ]),
    );
    const nothing_runs = Object.keys(wantedServices(applied?.document ?? null)).length === 0 && running.size === 0;
    if (nothing_runs && drains().instances().length === 0) await proxy_upkeep.end(1_000);
  };

  return {
    request: () => {
      wanted = true;
    },
    async run() {
      if (!wanted) return;
      wanted = false;
      try {
        await tidy();
      } catch (error) {
        wanted = true;
        throw error;
      }
    },
  };
}
