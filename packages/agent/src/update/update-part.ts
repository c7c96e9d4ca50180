/**
 * The agent's own release, as a part of its server state. It is staged and checked beside the executable that runs, put in its place, and
 * started; services run on all the while. The new one has to reach the control plane within a minute, or the one before comes back.
 * ```
 *   fetch ▶ verify ▶ self-check ▶ record, watchdog ▶ exchange ▶ restart ┄▶ (the new one) connected ▶ watchdog off ▶ confirmed
 *                                                                             └ not in time ▶ (the watchdog) put back ▶ restart
 * ```
 * Rejected: an A/B pair of units, which doubles what an administrator sees; to wait for the new one from the old process, which dies with
 * the machine.
 */
import { linkSync, renameSync, rmSync } from 'node:fs';
import type { Clock } from '@mainstay/runtime/clock';
import type { Logger } from '@mainstay/runtime/log';
import { runsOldExecutable } from '../installation/system.ts';
import { ServerFailure, type ServerPart } from '../server/server-part.ts';
import type { NewAgentEvent } from '../state/event-outbox.ts';
import type { PanelAddress } from './fetch-file.ts';
import { digestOfFile, findReleaseFile, stageRelease, type WantedRelease } from './staged-release.ts';
import { type Trial, trial_seconds } from './trial.ts';
import { forgetUpdate, readUpdate, saveUpdate, type UpdateRecord } from './update-record.ts';

/** Where an installed agent is, and whose releases it takes. */
export type UpdateSettings = {
  binary: string;
  previous_binary: string;
  release_key: string;
};

export type UpdateOptions = {
  home: string;
  version: string;
  panel: PanelAddress;
  /** Null for an agent that is not installed as its own executable, and so cannot exchange itself. */
  settings: UpdateSettings | null;
  trial: Trial;
  clock: Clock;
  log: Logger;
  emit(event: NewAgentEvent): void;
  /** The control plane has acknowledged a heartbeat of this process. */
  isConnected(): boolean;
  /** Whether this process is of an executable that is no longer in its place. */
  isOld?: () => boolean;
};

/** The watchdog comes at `trial_seconds`; when it has not by then, it is called. */
const patience_ms = (trial_seconds + 15) * 1_000;

export function createUpdatePart(options: UpdateOptions): ServerPart {
  const { home, version, panel, trial, clock, log, emit, isOld = () => runsOldExecutable(process.pid) } = options;

  /** This process ends by the restart; what comes after is the next one's. */
  const restart = async (signal: AbortSignal): Promise<never> => {
    await trial.restartAgent();
    await clock.sleep(patience_ms, signal);
    signal.throwIfAborted();
    throw new ServerFailure(
      'The agent was not started anew by systemd.',
      'Look at it: systemctl status mainstay-agent',
    );
  };

  const begin = async (
    wanted: WantedRelease,
    { binary, previous_binary, release_key }: UpdateSettings,
    signal: AbortSignal,
  ) => {
    const file = await findReleaseFile(wanted, { panel, release_key, signal });
    const { manifest_sha256 } = wanted;
    const record: UpdateRecord = {
      ...{ state: 'trial', version: wanted.version, manifest_sha256, sha256: file.sha256 },
      ...{ previous_version: version, at: clock.now(), reason: null },
    };
    if ((await digestOfFile(binary)) === file.sha256 && !isOld())
      return saveUpdate(home, { ...record, state: 'confirmed' });
    const staged = `${binary}.next`;
    await stageRelease(file, staged, { version: wanted.version, panel, signal });
    rmSync(previous_binary, { force: true });
    linkSync(binary, previous_binary);
    saveUpdate(home, record);
    await trial.begin();
    renameSync(staged, binary);
    log.info({ from: version, to: wanted.version }, 'the agent is exchanged');
    await restart(signal);
  };

  /** This is the new executable: it stays if it reaches the control plane. */
  const prove = async (record: UpdateRecord, signal: AbortSignal) => {
    const until = clock.now() + patience_ms;
    while (!options.isConnected()) {
      if (clock.now() > until) await trial.revertNow();
      await clock.sleep(clock.now() > until ? patience_ms : 100, signal);
      signal.throwIfAborted();
    }
    if (!(await trial.callOff())) {
      // It is being put back at this very moment, and this process ended.
      await clock.sleep(patience_ms, signal);
      signal.throwIfAborted();
      throw reverted(record, 'it reached the control plane too late');
    }
    saveUpdate(home, { ...record, state: 'confirmed', at: clock.now() });
    const message = `The agent was updated from ${record.previous_version} to ${record.version}.`;
    emit({ kind: 'agent.updated', severity: 'notice', message });
  };

  const bringAbout = async (wanted: WantedRelease, settings: UpdateSettings, signal: AbortSignal) => {
    const record = readUpdate(home);
    if (record?.manifest_sha256 !== wanted.manifest_sha256) {
      if (record?.state === 'trial' || record?.state === 'reverting') await trial.callOff();
      return begin(wanted, settings, signal);
    }
    const isNew = (await digestOfFile(settings.binary)) === record.sha256;
    if (record.state === 'confirmed' && isNew && !isOld()) return;
    if (record.state === 'trial' && isNew) return isOld() ? restart(signal) : prove(record, signal);
    if (record.state === 'reverting' || record.state === 'reverted') {
      if (isNew && !isOld()) {
        await trial.revertNow();
        await clock.sleep(patience_ms, signal);
        signal.throwIfAborted();
      }
      const failure = reverted(record, record.reason ?? 'it was cut short');
      emit({ kind: 'agent.update_failed', severity: 'error', message: failure.message });
      throw failure;
    }
    // The exchange was cut short before it was done, or somebody put another executable there.
    await trial.callOff();
    await begin(wanted, settings, signal);
  };

  return {
    name: 'agent',
    async apply({ agent: wanted }, signal) {
      if (!wanted) return;
      const { settings } = options;
      if (!settings) {
        if (wanted.version === version) return;
        throw new ServerFailure(
          `This agent is not run from where \`mainstay-agent install\` puts it, and cannot exchange itself.`,
          'Install the new version by hand: by its Debian package where it came from one, else by the line of an invitation.',
        );
      }
      try {
        await bringAbout(wanted, settings, signal);
      } catch (error) {
        if (signal.aborted || error instanceof ServerFailure) throw error;
        const { message, hint } = error as Error & { hint?: string };
        throw new ServerFailure(message, hint ?? null);
      }
    },
    async keepUp({ agent }) {
      const record = readUpdate(home);
      // An executable that was put back, and has not ended yet, has no word in what its successor is to know.
      if (!options.settings || isOld() || record?.state === 'trial' || record?.state === 'reverting') return;
      try {
        await trial.callOff();
        rmSync(`${options.settings.binary}.next`, { force: true });
        // Its failure was told: asked for once more, it is tried once more.
        if (record?.state === 'reverted' && agent?.manifest_sha256 !== record.manifest_sha256) forgetUpdate(home);
      } catch (error) {
        log.warn({ err: error }, 'what an update left could not be removed');
      }
    },
  };
}

function reverted({ version, previous_version }: UpdateRecord, why: string): ServerFailure {
  return new ServerFailure(
    `Agent ${version} was put back to ${previous_version}: ${why}.`,
    'What it said is in the journal of the server: journalctl -u mainstay-agent -n 100. Services ran on.',
  );
}
