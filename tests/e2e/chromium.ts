/** The browser of the tests: Debian's Chromium, and why there is none where it is missing. */
import { accessSync, constants } from 'node:fs';

export const chromium_path = '/usr/bin/chromium';

/** Why browser tests cannot run here; null where they can. */
export const no_browser: string | null = isExecutable(chromium_path) ? null : 'there is no chromium on this machine';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
