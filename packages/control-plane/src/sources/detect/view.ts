/**
 * What detectors see of a repository: the paths of its files, and the text of those that they ask for. Nothing else of the
 * world, so that a detector is a pure function of a repository, and is tested with a few lines of text.
 */
import { posix } from 'node:path';

export type RepositoryView = {
  /** Files by their paths, slashes between folders. Symlinks and submodules are not among them. */
  paths: readonly string[];
  /** Text of a file; null where there is none, or it is too large, or no text. */
  read(path: string): Promise<string | null>;
};

/** A file that was read. */
export type Text = { path: string; text: string };

/** One folder of a repository, and from there the rest of it. All its paths are relative to the folder. */
export type Folder = {
  /** From the top of the repository; empty for the top itself. */
  path: string;
  /** Its own name; that of the repository for the top. */
  name: string;
  /** Names of the files that lie directly in it. */
  files: readonly string[];
  /** Files in it and below it. */
  below: readonly string[];
  has(file: string): boolean;
  /** The first of these files that is there. */
  first(files: readonly string[]): string | null;
  read(file: string): Promise<string | null>;
  /** Those of these files that are there and can be read, at most so many. */
  texts(files: readonly string[], files_max?: number): Promise<Text[]>;
  /** Another folder of the repository, by its path from the top. */
  at(path: string): Folder;
  /** The folders around it, the nearest first, the top last. */
  parents(): Folder[];
};

const texts_max = 12;

/** The top folder of a repository. `name` is what the repository is called. */
export function openView(view: RepositoryView, name: string): Folder {
  const paths = new Set(view.paths);
  const filesOf = new Map<string, string[]>();
  for (const path of view.paths) {
    const folder = parentOf(path);
    const files = filesOf.get(folder) ?? [];
    filesOf.set(folder, files);
    files.push(path.slice(folder === '' ? 0 : folder.length + 1));
  }
  const folderAt = (path: string): Folder => {
    const full = (file: string) => joined(path, file);
    const prefix = path === '' ? '' : `${path}/`;
    const has = (file: string) => paths.has(full(file));
    const read = async (file: string) => (has(file) ? view.read(full(file)) : null);
    return {
      path,
      name: path === '' ? name : posix.basename(path),
      files: filesOf.get(path) ?? [],
      get below() {
        return view.paths.filter((other) => other.startsWith(prefix)).map((other) => other.slice(prefix.length));
      },
      has,
      first: (files) => files.find(has) ?? null,
      read,
      async texts(files, files_max = texts_max) {
        const there = [...new Set(files)].filter(has).slice(0, files_max);
        const read_ = await Promise.all(there.map(async (file) => ({ path: file, text: await read(file) })));
        return read_.filter((entry): entry is Text => entry.text !== null);
      },
      at: folderAt,
      parents() {
        const around: Folder[] = [];
        for (let at = path; at !== ''; ) {
          at = parentOf(at);
          around.push(folderAt(at));
        }
        return around;
      },
    };
  };
  return folderAt('');
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

/** A path within the repository; one that leads out of it names no file. */
export function joined(folder: string, path: string): string {
  const plain = posix.normalize(folder === '' ? path : `${folder}/${path}`);
  return plain === '.' ? '' : plain.replace(/\/$/, '');
}

/** Whether a path can stand in a command as it is: short, without quoting, and nothing that a program takes for an option. */
export function isPlainPath(path: string): boolean {
  return /^[A-Za-z0-9_.@][A-Za-z0-9_.@/+-]{0,199}$/.test(path) && !path.split('/').includes('..');
}

/** What a repository says, quoted in a sentence: one line, bounded, without control characters. */
export function quoted(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
  const plain = text.replaceAll(/[\x00-\x1f\x7f-\x9f]+/g, ' ').trim();
  return `\`${plain.length > 120 ? `${plain.slice(0, 119)}…` : plain}\``;
}
