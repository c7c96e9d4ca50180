/**
 * The names port over a block in /etc/hosts, for servers without systemd-resolved. Every program reads that file, nothing
 * has to run, and the names are known from the first moment of a boot; it has no SRV records.
 *
 * The file is exchanged as a whole. Where it cannot be (a container has it mounted) it is written in place. It is read again
 * right before, so that what others write at the same time is kept; between that look and the exchange lie microseconds.
 */
import { chmodSync, chownSync, existsSync, realpathSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { type FileHandle, open, readFile, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';
import { readHosts, writeHosts } from './hosts-block.ts';
import { checkNames, type Names, type NamesObserved, type NamesWanted } from './names.ts';

const bytes_max = 4 * 1024 * 1024;
/** Others who write at the same moment are given way so often. */
const tries_max = 5;

export function createHostsNames({ path = '/etc/hosts' }: { path?: string } = {}): Names {
  /** The block as it was written; null when none was by this process. */
  let applied: string | null = null;
  let looked: { stamp: string; drift: string | null } | null = null;

  /** Reads the file, and writes what `edit` makes of it. `edit` gives the text, null to delete the file, or undefined to leave it. */
  const change = async (edit: (text: string | null) => string | null | undefined) => {
    const file = existsSync(path) ? realpathSync(path) : path;
    for (let tries = 0; tries < tries_max; tries++) {
      const before = stampOf(file);
      const text = await readText(file);
      const next = edit(text);
      if (next === undefined || next === text) return;
      if (next === null) {
        unlinkSync(file);
        return;
      }
      if (await exchange(file, next, () => stampOf(file) === before)) return;
    }
    throw new AppError('Conflict', `${path} is being written by another program all the time.`, {
      hint: 'It is tried again; find the program that writes it.',
    });
  };

  return {
    async apply(wanted: NamesWanted) {
      checkNames(wanted);
      let block = '';
      await change((text) => {
        const found = readHosts(text ?? '');
        // Who edits a file that we made makes it theirs only by deleting our block.
        const rest = text === null || (found.was_made && found.rest === '') ? null : found.rest;
        const written = writeHosts(rest, wanted);
        block = written.block;
        // A block that stands as it should stays where it stands, whatever others wrote after it.
        return found.block !== null && sameBlock(found.block, block) ? undefined : written.text;
      });
      applied = block;
      looked = null;
    },
    async remove() {
      await change((text) => {
        if (text === null) return undefined;
        const { rest, block, was_made } = readHosts(text);
        if (block === null) return undefined;
        return was_made && rest === '' ? null : rest;
      });
      applied = null;
      looked = null;
    },
    async observe(): Promise<NamesObserved> {
      if (applied === null) return { state: 'none', how: 'hosts', drift: null };
      const stamp = stampOf(path);
      if (looked?.stamp !== stamp) {
        const { block } = readHosts((await readText(path)) ?? '');
        const is_same = block !== null && sameBlock(block, applied);
        const drift = is_same ? null : `The block of names in ${path} was ${block === null ? 'deleted' : 'changed'}.`;
        looked = { stamp, drift };
      }
      return { state: looked.drift === null ? 'active' : 'down', how: 'hosts', drift: looked.drift };
    },
    async close() {},
  };
}

/** Whether two blocks say the same; what the first line says of the file around it may differ. */
const sameBlock = (a: string, b: string) => namesOf(a) === namesOf(b);
const namesOf = (block: string) => block.replace(/^[^\n]*\n/, '\n');

/** Changes with the content of the file; costs one call. */
function stampOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.dev} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}` : 'none';
}

async function readText(path: string): Promise<string | null> {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return null;
  if (size > bytes_max)
    throw new AppError('TooLarge', `${path} has more than ${bytes_max} bytes.`, { hint: 'Make it smaller.' });
  return readFile(path, 'latin1');
}

/** Puts another content in the place of a file, with its owner and mode; false when it was changed meanwhile. */
async function exchange(path: string, text: string, isUnchanged: () => boolean): Promise<boolean> {
  // Always the same name: what a crash left behind is written over.
  const temporary = join(dirname(path), `.${basename(path)}.mainstay`);
  const stat = statSync(path, { throwIfNoEntry: false });
  try {
    await writeWhole(await open(temporary, 'w', 0o644), text);
    chmodSync(temporary, stat ? stat.mode & 0o7777 : 0o644);
    if (stat) chownSync(temporary, stat.uid, stat.gid);
    if (!isUnchanged()) return false;
    await rename(temporary, path);
  } catch (error) {
    if (!isMounted(error)) throw error;
    if (!isUnchanged()) return false;
    await writeWhole(await open(path, 'r+'), text);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
}

/** A file that is mounted cannot be exchanged, and in a folder that is read-only there can be no other one. */
function isMounted(error: unknown): boolean {
  return ['EBUSY', 'EXDEV', 'EROFS'].includes((error as NodeJS.ErrnoException).code ?? '');
}

async function writeWhole(file: FileHandle, text: string): Promise<void> {
  try {
    const bytes = Buffer.from(text, 'latin1');
    await file.writeFile(bytes);
    await file.truncate(bytes.length);
    await file.sync();
  } finally {
    await file.close();
  }
}
