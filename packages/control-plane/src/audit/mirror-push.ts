/**
 * Pushing the mirror to its remotes, each by itself: one that is down is tried again after longer and longer waits, and delays
 * neither the mirror nor another remote. Never by force: a remote that has other commits is told of, and left as it is.
 * Where `rad` (Radicle) is installed and the repository has a remote `rad`, the new head is announced there.
 */
import { readFileSync } from 'node:fs';
import { type Clock, type Exec, type GitCredential, type Logger, scrub, transportOf } from '@mainstay/runtime';
import { type MirrorRepository, mirror_branch } from './mirror-repository.ts';
import type { MirrorRemote } from './mirror-settings.ts';

export type PushStatus = { url: string; commit: string | null; problem: string | null; retry_at: number | null };

export type Pusher = {
  /** Tells that the mirror has this commit now. */
  tell(repository: MirrorRepository, commit: string): void;
  status(): PushStatus[];
  stop(): Promise<void>;
};

export type PusherOptions = {
  remotes: readonly MirrorRemote[];
  clock: Clock;
  log: Logger;
  exec: Exec;
  /** Milliseconds after the first failure; doubled with each. */
  backoff_ms?: number;
};

const backoff_ms_max = 600_000;
const push_timeout_ms = 120_000;
const rad_timeout_ms = 60_000;

type Told = { repository: MirrorRepository; commit: string };
/** Why it could not be pushed; null when it was. `not_there`: this target does not exist here, and nothing was pushed. */
type Target = { name: string; push: (told: Told, signal: AbortSignal) => Promise<string | typeof not_there | null> };
const not_there = Symbol('not there');
/** How often a target that was not there is looked for again, milliseconds. */
const look_again_ms = 600_000;

export function createPusher({ remotes, clock, log, exec, backoff_ms = 2_000 }: PusherOptions): Pusher {
  const ended = new AbortController();
  let told: Told | null = null;
  let wake = Promise.withResolvers<void>();

  const targets: Target[] = remotes.map((remote) => ({
    name: scrub(remote.url, null),
    push: (to, signal) => push(to, remote, signal),
  }));
  targets.push({ name: 'rad', push: (to, signal) => announce(exec, to, signal) });
  const states: PushStatus[] = targets.map(({ name }) => ({ url: name, commit: null, problem: null, retry_at: null }));

  async function serve(target: Target, state: PushStatus): Promise<void> {
    let failures = 0;
    while (!ended.signal.aborted) {
      const woken = wake.promise;
      if (told === null || told.commit === state.commit) {
        await woken;
        continue;
      }
      const { commit } = told;
      const problem = await target.push(told, ended.signal).catch((error: unknown) => String(error));
      if (ended.signal.aborted) return;
      if (problem === not_there) {
        await clock.sleep(look_again_ms, ended.signal);
        continue;
      }
      if (problem === null) {
        if (state.problem !== null) log.info({ remote: target.name }, 'the audit mirror is pushed again');
        failures = 0;
        Object.assign(state, { commit, problem: null, retry_at: null });
        continue;
      }
      if (problem !== state.problem) log.warn({ remote: target.name, problem }, 'the audit mirror could not be pushed');
      const wait = Math.min(backoff_ms_max, backoff_ms * 2 ** Math.min(failures, 20)) * (0.75 + Math.random() / 2);
      failures += 1;
      Object.assign(state, { problem, retry_at: Math.round(clock.now() + wait) });
      await clock.sleep(wait, ended.signal);
    }
  }
  const serving = targets.map((target, at) => serve(target, states[at]!));

  return {
    tell(repository, commit) {
      told = { repository, commit };
      wake.resolve();
      wake = Promise.withResolvers();
    },
    status: () => states.filter(({ url, commit, problem }) => url !== 'rad' || commit !== null || problem !== null),
    async stop() {
      ended.abort();
      wake.resolve();
      await Promise.all(serving);
    },
  };
}

/** Pushes to one remote. Gives why it could not. */
async function push({ repository, commit }: Told, remote: MirrorRemote, signal: AbortSignal): Promise<string | null> {
  const credential = credentialOf(repository, remote);
  const result = await repository.git(
    ['--git-dir', repository.path, 'push', '--quiet', '--', remote.url, `${commit}:${mirror_branch}`],
    { remote: { url: remote.url, credential }, timeout_ms: push_timeout_ms, signal },
  );
  if (result.code === 0) return null;
  if (result.killed === 'timeout') return `The remote took longer than ${push_timeout_ms / 1000} s.`;
  if (/\[(remote )?rejected\]|non-fast-forward|fetch first/.test(result.stderr))
    return 'The remote has other commits than the mirror, or refuses the push. Look at what it has; nothing is forced.';
  const lines = scrub(result.stderr, credential).split('\n');
  const telling = lines.find((line) => /^(fatal|error|ssh):/.test(line)) ?? lines.find((line) => line.trim() !== '');
  return (telling ?? 'git said nothing').slice(0, 300);
}

function credentialOf(repository: MirrorRepository, { url, token_file, username }: MirrorRemote): GitCredential | null {
  if (transportOf(url) === 'ssh') return { kind: 'deploy_key', private_key: repository.private_key() };
  if (token_file === undefined) return null;
  return { kind: 'token', username, token: readFileSync(token_file, 'utf8').trim() };
}

/** Announces to the Radicle network. Where there is no `rad`, or the repository is none of its own, nothing is to be done. */
async function announce(
  exec: Exec,
  { repository, commit }: Told,
  signal: AbortSignal,
): Promise<string | typeof not_there | null> {
  const options = { cwd: repository.path, timeout_ms: rad_timeout_ms, signal };
  const inspected = await exec(['rad', 'inspect', '--rid'], options);
  if (inspected.error !== null || inspected.code !== 0) return not_there;
  const steps: [string, ...string[]][] = [
    ['git', 'push', '--quiet', 'rad', `${commit}:${mirror_branch}`],
    ['rad', 'sync', '--announce'],
  ];
  for (const argv of steps) {
    const result = await exec(argv, options);
    if (result.code !== 0) return `${argv[0]} ${argv[1]}: ${result.stderr.trim().split('\n')[0]?.slice(0, 300)}`;
  }
  return null;
}
