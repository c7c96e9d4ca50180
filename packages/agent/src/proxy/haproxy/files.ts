/** Files of the state folder, replaced whole, so that a start finds the old text or the new one and never half of each. */
import { open, readFile, rename, rm } from 'node:fs/promises';

/** Writes a file where its text is another; true when it was. */
export async function replaceFile(path: string, text: string): Promise<boolean> {
  if ((await readFile(path, 'utf8').catch(() => null)) === text) return false;
  const temporary = `${path}.new`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return true;
}
