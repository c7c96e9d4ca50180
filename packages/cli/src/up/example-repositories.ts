/** The folders of the example as Git repositories under the home, made once; what people change in them is theirs. */
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { type Exec, systemExec } from '@mainstay/runtime/exec';

/** Fixed, so that the same folder gives the same commit on every machine. */
const identity = {
  GIT_AUTHOR_NAME: 'Mainstay example',
  GIT_AUTHOR_EMAIL: 'example@mainstay.invalid',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Mainstay example',
  GIT_COMMITTER_EMAIL: 'example@mainstay.invalid',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
};

/** Makes a repository of a folder's files where there is none. It appears whole or not at all. */
export async function ensureRepository(from: string, repository: string, exec: Exec = systemExec): Promise<void> {
  if (existsSync(repository)) return;
  const staging = `${repository}.new`;
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(join(repository, '..'), { recursive: true, mode: 0o700 });
  cpSync(from, staging, { recursive: true });
  const commands: [string, ...string[]][] = [
    ['git', 'init', '--quiet'],
    ['git', 'symbolic-ref', 'HEAD', 'refs/heads/main'],
    ['git', 'add', '--all'],
    ['git', 'commit', '--quiet', '--message', 'The example service'],
  ];
  for (const argv of commands) {
    const result = await exec(argv, { cwd: staging, env: identity, timeout_ms: 30_000 });
    if (result.code !== 0) {
      const why = result.error?.code === 'ENOENT' ? 'git is not installed' : result.stderr.trim().slice(0, 500);
      throw new AppError('Unavailable', `The repository of an example could not be made: ${why}`, {
        hint: 'Mainstay needs git. To start without the example: --no-examples',
      });
    }
  }
  renameSync(staging, repository);
}
