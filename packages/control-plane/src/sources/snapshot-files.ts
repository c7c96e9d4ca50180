/**
 * Files of a fetched commit: listed from the trees, read as objects. Paths and contents are others' words: a path is only ever
 * compared, or given to git behind `--` and without patterns.
 */
import { unavailable } from '../stacks/refs.ts';
import { inFolder, type Look } from './look.ts';

/** Folders that hold what was installed or made, and thousands of files. */
const not_listed = /^(node_modules|bower_components|vendor|third_party|__pycache__|\.git|\.venv|venv|\.yarn|\.next)$/;

/** Level by level, so that the bound leaves out what is deepest, and not what comes last in the alphabet. */
export async function listFiles(look: Look, commit: string): Promise<{ files: Map<string, string>; notes: string[] }> {
  const { entries_max, depth_max } = look.limits;
  const files = new Map<string, string>();
  let entries = 0;
  let level: string[] = [''];
  for (let depth = 0; depth < depth_max && level.length > 0; depth += 1) {
    const below: string[] = [];
    for (const folders of portions(level, 200)) {
      const places = folders.flatMap((folder) => (folder === '' ? [] : [`${folder}/`]));
      const listed = await inFolder(look, [
        '--literal-pathspecs',
        'ls-tree',
        '-z',
        '--full-tree',
        commit,
        '--',
        ...places,
      ]);
      if (listed.code !== 0) throw unavailable(listed, { ...look.remote, field: '' });
      for (const entry of listed.stdout.split('\0')) {
        const [, mode, object = '', path = ''] = /^(\d{6}) \w+ ([0-9a-f]+)\t([\s\S]+)$/.exec(entry) ?? [];
        if (mode === undefined) continue;
        entries += 1;
        if (entries > entries_max) {
          return {
            files,
            notes: [`The repository has more than ${entries_max} files and folders; the deepest were not looked at.`],
          };
        }
        if (mode.startsWith('100')) files.set(path, object);
        else if (mode === '040000' && !not_listed.test(path.slice(path.lastIndexOf('/') + 1))) below.push(path);
      }
    }
    level = below;
  }
  return { files, notes: [] };
}

function portions<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));
}

/** Reads each file once, as it is asked for, and keeps account of what it does not read. */
export function createReader(look: Look, files: ReadonlyMap<string, string>) {
  const { file_bytes_max, files_read_max } = look.limits;
  const texts = new Map<string, Promise<string | null>>();
  const unread = new Map<string, string>();
  const readObject = async (path: string, object: string): Promise<string | null> => {
    const { code, stdout } = await inFolder(look, ['cat-file', 'blob', object]);
    // What the filter left out is not there at all.
    if (code !== 0 || Buffer.byteLength(stdout) > file_bytes_max)
      unread.set(path, `larger than ${file_bytes_max / 1024} KiB`);
    else if (stdout.includes('\0')) unread.set(path, 'no text');
    else return stdout.replace(/^\ufeff/, '');
    return null;
  };
  return {
    async read(path: string): Promise<string | null> {
      const object = files.get(path);
      if (object === undefined) return null;
      const known = texts.get(path);
      if (known) return known;
      if (texts.size >= files_read_max) {
        unread.set('', '');
        return null;
      }
      const text = readObject(path, object);
      texts.set(path, text);
      return text;
    },
    notes: () =>
      [...unread].map(([path, why]) =>
        path === ''
          ? `Only ${files_read_max} files were read; others were left out.`
          : `${path} was not read: it is ${why}.`,
      ),
  };
}
