/** Package managers of Node: which one a folder uses, its commands, and the workspace around a folder. */
import { type Folder, quoted } from './view.ts';

/** Characters of a script that patterns look at. */
export const script_length_max = 2_000;

export type Manifest = {
  name?: string;
  main?: string;
  type?: string;
  packageManager?: string;
  workspaces?: unknown;
  engines?: { node?: string };
  scripts: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

/** package.json as far as it is of use; null where it is no JSON object. What is not of the expected type is left out. */
export function parseManifest(text: string): Manifest | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(value)) return null;
  const { engines } = value;
  const textAt = (key: string) => (typeof value[key] === 'string' ? { [key]: value[key] } : {});
  return {
    ...textAt('name'),
    ...textAt('main'),
    ...textAt('type'),
    ...textAt('packageManager'),
    workspaces: value['workspaces'],
    ...(isObject(engines) && typeof engines['node'] === 'string' ? { engines: { node: engines['node'] } } : {}),
    scripts: Object.fromEntries(
      Object.entries(textsOf(value['scripts'])).map(([name, script]) => [name, script.slice(0, script_length_max)]),
    ),
    dependencies: { ...textsOf(value['optionalDependencies']), ...textsOf(value['dependencies']) },
    devDependencies: textsOf(value['devDependencies']),
  };
}

export type PackageManager = {
  name: 'npm' | 'pnpm' | 'yarn' | 'bun';
  install: string;
  reason: string;
  /** Without a lock file, two builds of one commit may differ. */
  is_locked: boolean;
};

const lock_files = {
  'pnpm-lock.yaml': 'pnpm',
  'yarn.lock': 'yarn',
  'bun.lock': 'bun',
  'bun.lockb': 'bun',
  'package-lock.json': 'npm',
  'npm-shrinkwrap.json': 'npm',
} as const;

/** The package manager of a folder: that of its lock file, of its workspace's, or the one that package.json names. */
export async function packageManagerOf(folder: Folder, manifest: Manifest): Promise<PackageManager> {
  const workspace = await workspaceOf(folder, manifest);
  for (const place of workspace ? [folder, workspace.folder] : [folder]) {
    const lock = place.first(Object.keys(lock_files)) as keyof typeof lock_files | null;
    if (lock === null) continue;
    const name = lock_files[lock];
    const at = place.path === folder.path ? lock : `${lock} of the workspace`;
    return { name, install: await lockedInstall(name, place), reason: `${at} pins the dependencies`, is_locked: true };
  }
  const named = /^(npm|pnpm|yarn|bun)@/.exec(manifest.packageManager ?? '')?.[1] as PackageManager['name'] | undefined;
  const name = named ?? 'npm';
  const reason = named
    ? `package.json names ${quoted(manifest.packageManager ?? '')}`
    : 'package.json has dependencies';
  return { name, install: `${name} install`, reason, is_locked: false };
}

async function lockedInstall(name: PackageManager['name'], place: Folder): Promise<string> {
  if (name === 'npm') return 'npm ci';
  if (name !== 'yarn') return `${name} install --frozen-lockfile`;
  const top = parseManifest((await place.read('package.json')) ?? '');
  const is_berry = place.has('.yarnrc.yml') || /^yarn@[2-9]/.test(top?.packageManager ?? '');
  return is_berry ? 'yarn install --immutable' : 'yarn install --frozen-lockfile';
}

/** Runs a script of package.json with further arguments. */
export function scriptCommand(manager: PackageManager['name'], script: string, args: readonly string[] = []): string[] {
  const separator = manager === 'npm' && args.length > 0 ? ['--'] : [];
  return script === 'start' && manager === 'npm'
    ? ['npm', 'start', ...separator, ...args]
    : [manager, 'run', script, ...separator, ...args];
}

export type Workspace = { folder: Folder; patterns: string[]; has_turbo: boolean };

/** The workspace that a folder is a member of. */
export async function workspaceOf(folder: Folder, manifest: Manifest): Promise<Workspace | null> {
  if ((await workspacePatterns(folder, manifest)).length > 0) return null;
  for (const around of folder.parents()) {
    const parent = parseManifest((await around.read('package.json')) ?? '');
    if (!parent) continue;
    const patterns = await workspacePatterns(around, parent);
    const path = folder.path.slice(around.path === '' ? 0 : around.path.length + 1);
    if (isMember(path, patterns)) {
      const has_turbo = around.has('turbo.json') && 'turbo' in { ...parent.dependencies, ...parent.devDependencies };
      return { folder: around, patterns, has_turbo };
    }
  }
  return null;
}

/** Patterns of the members of a workspace whose top this folder is; empty where it is none. */
export async function workspacePatterns(folder: Folder, manifest: Manifest): Promise<string[]> {
  const { workspaces } = manifest;
  const listed = isObject(workspaces) ? workspaces['packages'] : workspaces;
  if (Array.isArray(listed)) return listed.filter((entry): entry is string => typeof entry === 'string').slice(0, 100);
  // The list of pnpm-workspace.yaml: its only list of one level whose entries are paths.
  const yaml = (await folder.read('pnpm-workspace.yaml')) ?? '';
  return [...yaml.matchAll(/^[ \t]*-[ \t]+["']?([!\w@./*-]{1,200})["']?[ \t]*$/gm)]
    .map((match) => match[1]!)
    .slice(0, 100);
}

export function isMember(path: string, patterns: readonly string[]): boolean {
  const matches = (pattern: string) => {
    const plain = pattern.replace(/^!/, '').replace(/^\.\//, '').replace(/\/+$/, '');
    // Folders are a few levels deep, and so is every pattern that can match one.
    const steps = plain.replaceAll(/(\*\*\/)+/g, '**/').split('/');
    return steps.length <= 12 && stepsMatch(path.split('/'), steps);
  };
  const [kept, left_out] = [patterns.filter((p) => !p.startsWith('!')), patterns.filter((p) => p.startsWith('!'))];
  return kept.some(matches) && !left_out.some(matches);
}

/** Segment by segment; `*` stands within one, `**` for any number of them. */
function stepsMatch(path: readonly string[], pattern: readonly string[]): boolean {
  const [step, ...rest] = pattern;
  if (step === undefined) return path.length === 0;
  if (step === '**') return path.some((_, at) => stepsMatch(path.slice(at), rest)) || stepsMatch([], rest);
  const [first, ...others] = path;
  if (first === undefined) return false;
  const [head = '', ...tails] = step.split('*');
  const fits =
    tails.length === 0
      ? first === step
      : first.startsWith(head) && first.length >= step.length - tails.length && first.endsWith(tails.at(-1) ?? '');
  return fits && stepsMatch(others, rest);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textsOf(value: unknown): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
