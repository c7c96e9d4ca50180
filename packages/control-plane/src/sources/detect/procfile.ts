/** A Procfile names the processes of a folder; what they need to be built is the language's to say. */
import { limitsOfStack } from '@mainstay/contract/stack';
import { type Detection, type Draft, draftOf, nothing } from './draft.ts';
import type { Port } from './evidence.ts';
import { type Folder, quoted } from './view.ts';

const processes_max = 10;

/** @param base What the language's detector says of the same folder. */
export async function detectProcfile(folder: Folder, base: Draft | null): Promise<Detection> {
  const text = await folder.read('Procfile');
  if (text === null) return nothing;
  const processes = [...text.matchAll(/^([A-Za-z0-9_-]{1,63}):(.*)$/gm)]
    .map((match) => ({ type: match[1]!, command: match[2]!.trim() }))
    .filter(
      ({ command }) =>
        command !== '' && Buffer.byteLength(command) < limitsOfStack.command_bytes_max / 2 && !command.includes('\0'),
    )
    .slice(0, processes_max);
  const notes = processes
    .filter(({ type }) => type === 'release')
    .map(({ command }) => `The Procfile has a release command, ${quoted(command)}, which is not run by itself.`);
  const drafts = processes
    .filter(({ type }) => type !== 'release')
    .map((process) => draftOfProcess(folder, base, process));
  return { drafts, notes };
}

function draftOfProcess(
  folder: Folder,
  base: Draft | null,
  { type, command }: { type: string; command: string },
): Draft {
  const is_web = type === 'web';
  const path = programsFolder(base);
  const reason = `The Procfile has ${quoted(`${type}: ${command}`)}${path ? `; ${path} is where its programs are` : ''}.`;
  return draftOf({
    root: folder.path,
    called: is_web ? null : `${folder.name}-${type}`,
    kind: 'procfile',
    title: base ? `Procfile: ${type} · ${base.title}` : `Procfile: ${type}`,
    build: base?.build ?? null,
    run: { value: path ? `export PATH="$PWD/${path}:$PATH"; ${command}` : command, reason },
    port: is_web ? portOfWeb(command, base) : { value: null, reason: 'Only the process `web` takes requests.' },
    health:
      is_web && base
        ? base.health
        : { value: null, reason: 'The Procfile names no path: that its port takes connections is what counts.' },
    serves: is_web ? (base?.serves ?? 'api') : 'none',
    texts: base?.texts ?? [],
    notes: [
      ...(base?.notes ?? []),
      ...(is_web
        ? []
        : [
            'Every service has to take connections on $PORT, by which Mainstay knows that it is well; a worker needs a small listener for that.',
          ]),
    ],
  });
}

/** Where a build puts programs that a Procfile calls by their names alone. */
function programsFolder(base: Draft | null): string | null {
  if (base?.build === null || base === null) return null;
  if (base.kind === 'python') return '.venv/bin';
  return base.kind === 'node' ? 'node_modules/.bin' : null;
}

function portOfWeb(command: string, base: Draft | null): Port {
  if (/\$\{?PORT\b/.test(command)) return { value: null, reason: 'Its command takes $PORT.' };
  return base?.port ?? { value: null, reason: 'A Procfile’s web process is given its port in $PORT.' };
}
