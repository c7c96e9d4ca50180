/**
 * Where the policies come from: the YAML files of a folder, or the built-in set where there are none. Files are read again when they
 * change (told by the system, and looked at every few seconds all the same). What is broken does not count: the last good set stays in
 * force, also over a restart, and the error can be read. Where no good set is known nothing is allowed, and whoever asks is told why.
 */
import { existsSync, type FSWatcher, readdirSync, readFileSync, statSync, watch } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import type { PolicyProblem, PolicySetView } from '@mainstay/contract/keeper-views';
import { limitsOfPolicies } from '@mainstay/contract/policy';
import { default_policy_file } from './default-policies.ts';
import { type PolicySet, type PolicyText, policySetOf } from './policy-set.ts';

export type PolicySource = {
  current(): PolicySet;
  /** Why nothing can be allowed at all, with the place and the fix: the files are broken and no good set is known. Null otherwise. */
  refusal(): { reason: string; hint: string } | null;
  view(): PolicySetView;
  /** Looks at the folder now. */
  refresh(): void;
  stop(): void;
};

export type PolicySourceOptions = {
  /** Null for the built-in set only. */
  folder: string | null;
  now: () => number;
  /** How often the folder is looked at, milliseconds. */
  poll_interval_ms: number;
  /** The last good set of an earlier run (empty: the built-in one; null: there was none), and where to keep the present one. */
  kept: { read(): PolicyText[] | null; write(texts: readonly PolicyText[], digest: string): void };
};

type Loaded = { source: 'default' | 'folder'; set: PolicySet; loaded_at: number };

const watch_delay_ms = 50;

export function createPolicySource({ folder, now, poll_interval_ms, kept }: PolicySourceOptions): PolicySource {
  let loaded: Loaded | null = null;
  let problem: PolicyProblem | null = null;
  let seen: string | null = null;
  let watcher: FSWatcher | null = null;
  let soon: NodeJS.Timeout | null = null;

  const take = (source: Loaded['source'], texts: readonly PolicyText[]) => {
    const set = policySetOf(texts);
    if (loaded?.set.digest !== set.digest) {
      // Kept before it counts: were it not written, a restart would bring back what is older.
      kept.write(source === 'folder' ? texts : [], set.digest);
      loaded = { source, set, loaded_at: now() };
    }
    problem = null;
  };

  const hasOwn = () => (loaded ? loaded.source === 'folder' : (kept.read()?.length ?? 0) > 0);

  const refresh = () => {
    try {
      const found = folder === null ? '' : signatureOf(folder);
      if (found === seen && problem === null) return;
      const texts = folder === null ? [] : readFolder(folder);
      if (texts.length > 0) take('folder', texts);
      else if (folder !== null && hasOwn() && !existsSync(folder)) {
        // Such as a disk that is not mounted yet: the built-in set may allow what their own denied.
        throw new AppError('Unavailable', `The folder of the policies is not there: ${folder}`, {
          hint: 'Put it back. To use the built-in set, make it as an empty folder and start the keeper again.',
        });
      } else if (loaded?.source === 'folder') {
        throw new AppError('InvalidInput', 'The folder of the policies is empty.', {
          hint: 'Put the files back. To use the built-in set, start the keeper again with the folder empty.',
        });
      } else take('default', [default_policy_file]);
      seen = found;
    } catch (error) {
      seen = null;
      const { message, hint } =
        error instanceof AppError ? error : { message: (error as Error).message, hint: undefined };
      const file = /^([^\s:]+\.ya?ml)/.exec(message)?.[1] ?? null;
      if (problem?.message !== message) problem = { file, message, hint: hint ?? null, since: now() };
    }
    follow();
  };

  const follow = () => {
    if (watcher || folder === null) return;
    try {
      watcher = watch(folder, { persistent: false }, () => {
        soon ??= setTimeout(() => {
          soon = null;
          refresh();
        }, watch_delay_ms).unref();
      });
      watcher.on('error', () => {
        watcher?.close();
        watcher = null;
      });
    } catch {
      // No folder yet, or no way to be told: it is looked at all the same.
    }
  };

  refresh();
  const nothing = policySetOf([]);
  loaded ??= { ...lastGood(kept.read(), nothing), loaded_at: now() };
  const timer = folder === null ? null : setInterval(refresh, poll_interval_ms).unref();
  const present = () => loaded as Loaded;

  return {
    current: () => present().set,
    refusal() {
      if (present().set !== nothing || !problem) return null;
      const { message, hint } = problem;
      const reason = `No policies are in force, so nothing is allowed: ${message}`;
      return { reason, hint: hint ?? 'Mend the files of the policies; they are read again at once.' };
    },
    refresh,
    view() {
      const { source, set, loaded_at } = present();
      return { source, folder, ...set, loaded_at, error: problem };
    },
    stop() {
      if (timer) clearInterval(timer);
      if (soon) clearTimeout(soon);
      watcher?.close();
    },
  };
}

/** `nothing` where there was no good set, or this version does not take it any more. */
function lastGood(before: readonly PolicyText[] | null, nothing: PolicySet): Omit<Loaded, 'loaded_at'> {
  if (before?.length === 0) return { source: 'default', set: policySetOf([default_policy_file]) };
  try {
    return { source: 'folder', set: before ? policySetOf(before) : nothing };
  } catch {
    return { source: 'folder', set: nothing };
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /\.ya?ml$/.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new AppError('Unavailable', `The folder of the policies cannot be read: ${folder}`, {
      hint: "Check that the keeper's user may read it.",
      cause: error,
    });
  }
}

/** Changes whenever a file is written, replaced, added or removed. */
function signatureOf(folder: string): string {
  const parts = namesIn(folder).map((name) => {
    const found = statSync(join(folder, name), { bigint: true, throwIfNoEntry: false });
    return found ? `${name} ${found.ino} ${found.size} ${found.mtimeNs}` : name;
  });
  return parts.join('\n');
}

function readFolder(folder: string): PolicyText[] {
  return namesIn(folder)
    .slice(0, limitsOfPolicies.files_max + 1)
    .map((name) => {
      const path = join(folder, name);
      const size = statSync(path).size;
      if (size > limitsOfPolicies.file_bytes_max)
        throw new AppError('TooLarge', `${name} is larger than ${limitsOfPolicies.file_bytes_max / 1024} KiB.`);
      return { name, text: readFileSync(path, 'utf8') };
    });
}
