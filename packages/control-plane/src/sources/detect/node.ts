/** Node: package.json with its scripts, lock file and workspace, or a server in one file. */
import { exposedPort } from './containers.ts';
import { type Detection, type Draft, draftOf, fileServerNotes, nothing, pageHealth, toldPort } from './draft.ts';
import { healthOf, portOf } from './evidence.ts';
import { type Framework, frameworks, type Output } from './node-frameworks.ts';
import {
  isMember,
  type Manifest,
  type PackageManager,
  packageManagerOf,
  parseManifest,
  type Workspace,
  workspaceOf,
  workspacePatterns,
} from './node-packages.ts';
import { bareEntry, entryFiles, type Run, runOf, typeScriptNotes } from './node-run.ts';
import { type Folder, parentOf, quoted } from './view.ts';

/** Members of a workspace that are looked at for what has to be built first. */
const members_max = 40;

export async function detectNode(folder: Folder): Promise<Detection> {
  if (!folder.has('package.json')) return bareNode(folder);
  const text = await folder.read('package.json');
  if (text === null) return nothing;
  const manifest = parseManifest(text);
  if (!manifest) {
    const at = folder.path === '' ? 'package.json' : `${folder.path}/package.json`;
    return { drafts: [], notes: [`${at} is not valid JSON, so that nothing is proposed from it.`] };
  }
  const all = { ...manifest.dependencies, ...manifest.devDependencies };
  const has = (name: string) => Object.hasOwn(all, name);
  const framework = frameworks.find((candidate) => has(candidate.package)) ?? null;
  const output = (await framework?.output?.(folder, has)) ?? null;
  const manager = await packageManagerOf(folder, manifest);
  const run = await runOf(folder, manifest, manager.name, framework, output);
  if (!run && framework?.serves !== 'api' && framework?.package !== '@sveltejs/kit') return nothing;
  const workspace = await workspaceOf(folder, manifest);
  const build = await buildOf({ manifest, manager, framework, output, workspace });
  const texts = await folder.texts(sourcesOf(run?.entry ?? manifest.main ?? null));
  const serves = framework?.serves ?? 'api';
  const draft = draftOf({
    root: folder.path,
    kind: 'node',
    title: `Node.js (${[manager.name, framework?.title].filter(Boolean).join(', ')})`,
    build: build.command,
    run: run?.command ?? null,
    port: run?.is_files ? toldPort : (run?.port ?? portOf(texts, await exposedPort(folder))),
    health: serves === 'pages' ? pageHealth : healthOf(texts),
    serves,
    texts,
    notes: [
      ...(run?.notes ?? []),
      ...build.notes,
      ...notesOn({ folder, manifest, manager, framework, run, is_built: build.command !== null }),
    ],
    is_frame: (await workspacePatterns(folder, manifest)).length > 0 && run?.entry === null,
  });
  return { drafts: [draft], notes: [] };
}

async function bareNode(folder: Folder): Promise<Detection> {
  const entry = await bareEntry(folder);
  if (entry === null) return nothing;
  const texts = await folder.texts([entry]);
  const draft = draftOf({
    root: folder.path,
    kind: 'node',
    title: 'Node.js',
    run: { value: ['node', entry], reason: `There is ${entry}, and it listens on a port.` },
    port: portOf(texts, await exposedPort(folder)),
    health: healthOf(texts),
    serves: servesPages(folder, texts[0]?.text ?? '') ? 'pages' : 'api',
    texts,
    notes: typeScriptNotes(entry),
    is_bare: true,
  });
  return { drafts: [draft], notes: [] };
}

/** A server that has a page beside it and speaks of it. */
function servesPages(folder: Folder, text: string): boolean {
  return /index\.html\b/.test(text) && folder.below.some((path) => /(^|\/)index\.html$/.test(path));
}

type BuildNeeds = {
  manifest: Manifest;
  manager: PackageManager;
  framework: Framework | null;
  output: Output | null;
  workspace: Workspace | null;
};

type Build = { command: Draft['build']; notes: string[] };

const executors = { npm: 'npx', pnpm: 'pnpm exec', yarn: 'yarn', bun: 'bunx' } as const;

async function buildOf({ manifest, manager, framework, output, workspace }: BuildNeeds): Promise<Build> {
  const dependencies = { ...manifest.dependencies, ...manifest.devDependencies };
  const needs_install = Object.keys(dependencies).length > 0 || workspace !== null;
  const has_script = (manifest.scripts['build'] ?? '').trim() !== '';
  const steps: string[] = [];
  const reasons: string[] = [];
  const notes: string[] = [];
  if (needs_install) {
    steps.push(manager.install);
    reasons.push(manager.reason);
  }
  const siblings = workspace ? await siblingsOf(workspace, dependencies) : [];
  if (has_script) {
    const name = /^[@\w][\w./-]{0,213}$/.test(manifest.name ?? '') ? manifest.name : undefined;
    if (siblings.length > 0 && workspace?.has_turbo && name) {
      steps.push(`${executors[manager.name]} turbo run build --filter=${name}`);
      reasons.push(`turbo builds ${siblings.join(', ')} of the same workspace first`);
    } else if (siblings.length > 0 && manager.name === 'pnpm' && name) {
      steps.push(`pnpm --filter ${name}... run build`);
      reasons.push(`pnpm builds ${siblings.join(', ')} of the same workspace first`);
    } else {
      steps.push(`${manager.name} run build`);
      reasons.push('package.json has a script `build`');
      if (siblings.length > 0)
        notes.push(`It uses ${siblings.join(', ')} of the same workspace, which may have to be built before it.`);
    }
  } else if (framework?.build && (output || framework.package === 'next')) {
    steps.push(framework.build.replace(/^npx/, executors[manager.name]));
    reasons.push(`this is how ${framework.title} is built`);
  }
  if (steps.length === 0) return { command: null, notes };
  const reason = [reasons.slice(0, -1).join(', '), reasons.at(-1)].filter(Boolean).join(', and ');
  return { command: { value: steps.join(' && '), reason: `${reason}.` }, notes };
}

/** Dependencies that are members of the same workspace and have something to build. */
async function siblingsOf(workspace: Workspace, dependencies: Record<string, string>): Promise<string[]> {
  const top = workspace.folder;
  const members = top.below
    .filter((path) => path.endsWith('/package.json') && isMember(parentOf(path), workspace.patterns))
    .slice(0, members_max);
  const found: string[] = [];
  for (const path of members) {
    const member = parseManifest((await top.read(path)) ?? '');
    if (member?.name && Object.hasOwn(dependencies, member.name) && member.scripts['build']) found.push(member.name);
  }
  return found.slice(0, 5).map(quoted);
}

type Facts = Pick<BuildNeeds, 'manifest' | 'manager' | 'framework'> & {
  folder: Folder;
  run: Run | null;
  is_built: boolean;
};

function notesOn({ folder, manifest, manager, framework, run, is_built }: Facts): string[] {
  const notes: string[] = [];
  if (!run) {
    const what =
      framework?.package === '@sveltejs/kit'
        ? 'SvelteKit needs an adapter to be run anywhere: add @sveltejs/adapter-node.'
        : `package.json has ${framework?.package}, but no script \`start\`, and no file was found that listens on a port.`;
    notes.push(what);
  }
  if (is_built && !manager.is_locked) {
    notes.push('There is no lock file: two builds of one commit may differ. Commit the one that the install writes.');
  }
  if (manager.name !== 'npm') notes.push(`${manager.name} must be installed on the server.`);
  if (manifest.engines?.node) notes.push(`package.json asks for Node ${quoted(manifest.engines.node)} on the server.`);
  if (run?.is_files) {
    notes.push(
      ...fileServerNotes,
      'Paths that only exist in the browser (client-side routing) give 404 when they are opened directly.',
    );
  }
  if (run?.entry && /^(\.\/)?(dist|build|out|lib)\//.test(run.entry) && !manifest.scripts['build']) {
    const file = run.entry.replace(/^\.\//, '');
    if (!folder.has(file) && !folder.has(`${file}.js`)) {
      notes.push(`${quoted(file)} is not in the repository, and package.json has no script \`build\` that makes it.`);
    }
  }
  return notes;
}

/** Where a service's own sources are likely to be: the source of what is run, and the usual entries. */
function sourcesOf(entry: string | null): string[] {
  const guessed: string[] = [];
  if (entry !== null) {
    const file = entry.replace(/^\.\//, '');
    const bare = file.replace(/\.\w+$/, '').replace(/^(dist|build|out|lib)\//, '');
    guessed.push(
      file,
      ...['ts', 'js', 'mts', 'mjs'].flatMap((end) => [`${bare}.${end}`, `src/${bare.replace(/^src\//, '')}.${end}`]),
    );
  }
  return [...guessed, ...entryFiles.map((file) => `src/${file}`), ...entryFiles];
}
