/**
 * How a Node service is started: what its framework's build leaves, else a script that is not for development, else its
 * entry file. A script that is one call of node is run without npm around it, which costs 50 MB and stands before signals.
 */
import type { Command } from '@mainstay/contract/stack';
import { fileServer } from './draft.ts';
import { isPort, type Port } from './evidence.ts';
import type { Framework, Output } from './node-frameworks.ts';
import { type Manifest, type PackageManager, script_length_max, scriptCommand } from './node-packages.ts';
import { type Folder, isPlainPath, quoted } from './view.ts';

export type Run = {
  command: { value: Command; reason: string };
  /** What the way it is started says about its port. */
  port: Port | null;
  /** The file that node runs, where that is known. */
  entry: string | null;
  is_files: boolean;
  notes: string[];
};

const script_names = ['start:prod', 'start:production', 'start', 'serve'];

/** Servers and watchers for whoever writes the code, and programs that are no services. */
const not_to_deploy =
  /\b(nodemon|ts-node-dev|next dev|nuxt dev|vite|react-scripts start|ng serve|vue-cli-service|docusaurus|gatsby|astro|webpack|parcel|eleventy|vitepress|storybook|electron|expo|react-native|jest|vitest|rollup|turbo|nx|lerna|concurrently)\b|\bwatch\b|\btsc\b.* -w\b/;

const entry_names = ['server', 'index', 'app', 'main'];
const extensions = ['js', 'mjs', 'cjs', 'ts', 'mts'];
export const entryFiles = entry_names.flatMap((name) => extensions.map((extension) => `${name}.${extension}`));
const is_server = /\bcreateServer\s*\(|\.listen\s*\(|\bserve\s*\(|\bnew\s+WebSocketServer\b/;

export async function runOf(
  folder: Folder,
  manifest: Manifest,
  manager: PackageManager['name'],
  framework: Framework | null,
  output: Output | null,
): Promise<Run | null> {
  if (framework && output?.program !== undefined) {
    return {
      command: {
        value: ['env', 'HOST=127.0.0.1', 'node', output.program],
        reason: `The build of ${framework.title} makes a server at ${output.program}.`,
      },
      port: { value: null, reason: `${framework.title}’s server listens on the port in PORT.` },
      entry: null,
      is_files: false,
      notes: [],
    };
  }
  const scripted = scriptRun(manifest, manager, framework);
  if (scripted) return scripted;
  if (framework && output?.files !== undefined) return filesRun(framework, output.files);
  return entryRun(folder, manifest, manager, framework);
}

function scriptRun(manifest: Manifest, manager: PackageManager['name'], framework: Framework | null): Run | null {
  const { scripts } = manifest;
  const name = script_names.find((candidate) => isToDeploy(scripts[candidate] ?? ''));
  const script = (name === undefined ? '' : (scripts[name] ?? '')).trim();
  if (name === undefined || script === '') return null;
  const said = `package.json has a script ${quoted(name)}`;
  const port = portOfScript(name, script, framework);
  const direct = `pre${name}` in scripts || `post${name}` in scripts ? null : nodeCall(script);
  if (direct) {
    const reason = `${said}, which is ${quoted(script)}: it is run without ${manager} around it.`;
    const command = { value: direct, reason };
    return { command, port, entry: direct.at(-1) ?? null, is_files: false, notes: [] };
  }
  const args = /^next start$/.test(script) ? ['--hostname', '127.0.0.1'] : [];
  const reason = `${said}${args.length > 0 ? '; it is told to listen on this machine only' : ''}.`;
  return {
    command: { value: scriptCommand(manager, name, args), reason },
    port,
    entry: /\bnode\s+([\w./@-]+)/.exec(script)?.[1] ?? null,
    is_files: false,
    notes: [],
  };
}

function isToDeploy(script: string): boolean {
  if (script.trim() === '') return false;
  return nodeCall(script) ? !/\bwatch\b/.test(script) : !not_to_deploy.test(script);
}

/** `node --flag file`, with NODE_ENV before it or not, as an argv; null for all that needs a shell. */
export function nodeCall(script: string): string[] | null {
  if (script.length >= script_length_max) return null;
  const match = /^(NODE_ENV=\w+ +)?node +((?:--[\w-]+(?:=[\w./:@-]+)? +)*)([\w.@][\w./@-]*)$/.exec(script);
  if (!match) return null;
  const [, env = '', flags = '', file = ''] = match;
  return [...(env ? ['env', env.trim()] : []), 'node', ...flags.split(/ +/).filter((flag) => flag !== ''), file];
}

function portOfScript(name: string, script: string, framework: Framework | null): Port | null {
  const said = `The script ${quoted(name)} has`;
  const fixed = /(?:^|\s)(?:-p|--port|PORT)[ =](\d{2,5})\b/.exec(script);
  if (fixed && isPort(Number(fixed[1]))) return { value: Number(fixed[1]), reason: `${said} ${quoted(fixed[0])}.` };
  if (/\$\{?PORT\b/.test(script)) return { value: null, reason: `${said} $PORT.` };
  const takes_port = /\b(next start|remix-serve|react-router-serve|serve)\b/.exec(script);
  if (!takes_port) return null;
  return { value: null, reason: `${framework?.title ?? quoted(takes_port[0])} listens on the port in PORT.` };
}

function filesRun(framework: Framework, folder: string): Run {
  return {
    command: {
      value: fileServer(folder),
      reason: `The build of ${framework.title} makes files in ${folder}, which Python’s file server hands out.`,
    },
    port: null,
    entry: null,
    is_files: true,
    notes: [],
  };
}

async function entryRun(
  folder: Folder,
  manifest: Manifest,
  manager: PackageManager['name'],
  framework: Framework | null,
): Promise<Run | null> {
  const main = manifest.main?.replace(/^\.\//, '');
  const named = main !== undefined && isPlainPath(main) ? [main] : [];
  for (const { path, text } of await folder.texts([...named, ...entryFiles])) {
    if (!is_server.test(text) && !(framework?.serves === 'api' && path === main)) continue;
    const why = path === main ? 'package.json names it as `main`' : 'it listens on a port';
    const command = { value: [manager === 'bun' ? 'bun' : 'node', path], reason: `There is ${path}, and ${why}.` };
    return { command, port: null, entry: path, is_files: false, notes: typeScriptNotes(path) };
  }
  return null;
}

export function typeScriptNotes(path: string): string[] {
  return /\.m?ts$/.test(path) ? ['Node runs TypeScript files as they are from version 22.18 on.'] : [];
}

/** An entry file in a folder without package.json. */
export async function bareEntry(folder: Folder): Promise<string | null> {
  const found = (await folder.texts(entryFiles)).find(({ text }) => is_server.test(text));
  return found?.path ?? null;
}
