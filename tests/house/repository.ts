/** The files of the repository, as the house rules look at them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..');

/** Files that are tracked, or new and not ignored; paths from the root. */
export const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)));

export const sources = files.filter((path) => /\.(ts|tsx|mts|mjs|js)$/.test(path));

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}
