/** Where the programs are that `mainstay up` starts, and where the parts of a home are. */
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { AppError } from '@mainstay/contract/errors';

export type Programs = { control_plane: string; agent: string; examples: string };

/** The built programs: beside this file in dist/, or in the dist/ of the repository that this file is a source of. */
export function findPrograms(): Programs {
  const folders = [import.meta.dirname, join(import.meta.dirname, '..', '..', '..', '..', 'dist')];
  const folder = folders.find((candidate) => existsSync(join(candidate, 'mainstay-control-plane.js')));
  if (folder === undefined) {
    throw new AppError('Unavailable', 'The built programs of Mainstay were not found.', {
      hint: 'In a clone of the repository, run `npm start`, which builds them.',
    });
  }
  return {
    control_plane: join(folder, 'mainstay-control-plane.js'),
    agent: join(folder, 'mainstay-agent.js'),
    examples: join(folder, 'examples'),
  };
}

export type HomeLayout = ReturnType<typeof layoutOf>;

/** Parts of a home that `up` itself reads or writes. */
export function layoutOf(home: string) {
  return {
    home,
    lock: join(home, 'up.lock'),
    record: join(home, 'up.json'),
    url: join(home, 'url'),
    token: join(home, 'cli-token'),
    agent: join(home, 'agent'),
    logs: join(home, 'logs'),
    examples: join(home, 'examples'),
  };
}

/**
 * Environment of the programs: this process's own, without what npm adds for its scripts. What stands first in npm's PATH
 * would otherwise reach every service: the tools of this repository, and a Node that the service did not choose.
 */
export function programEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !/^npm_/i.test(name)) kept[name] = value;
  }
  const folders = (kept['PATH'] ?? '').split(delimiter).filter((folder) => !isOfNpm(folder));
  // Where the machine itself has no Node, services get the one that Mainstay runs on.
  if (!folders.some((folder) => existsSync(join(folder, 'node')))) folders.push(dirname(process.execPath));
  kept['PATH'] = folders.join(delimiter);
  return kept;
}

function isOfNpm(folder: string): boolean {
  return /(^|\/)node_modules\/\.bin$|\/node-gyp-bin$/.test(folder);
}
