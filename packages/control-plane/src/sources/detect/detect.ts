/**
 * From a repository to drafts: which folders are looked at, which language has the word in a folder, and which drafts give
 * way to others. What lies below a service and is known by one file only is part of that service.
 */
import { RootDirectory } from '@mainstay/contract/stack';
import type { Detection, Draft } from './draft.ts';
import { detectGo } from './go.ts';
import { detectNode } from './node.ts';
import { detectPhp } from './php.ts';
import { detectProcfile } from './procfile.ts';
import { detectPython, isPythonEntry } from './python.ts';
import { detectRuby } from './ruby.ts';
import { detectRust } from './rust.ts';
import { detectStaticSite } from './static-site.ts';
import { type Folder, parentOf } from './view.ts';

const depth_max = 4;
const folders_max = 100;

/** In this order: what a language brings along for its pages (package.json) does not make it a service of Node. */
const languages: readonly ((folder: Folder) => Promise<Detection>)[] = [
  detectRuby,
  detectPhp,
  detectPython,
  detectGo,
  detectRust,
  detectNode,
  detectStaticSite,
];

const manifests =
  /^(package\.json|Procfile|pyproject\.toml|requirements\.txt|Pipfile|manage\.py|go\.mod|Cargo\.toml|Gemfile|composer\.json|index\.php|index\.html|hugo\.(toml|ya?ml|json)|(server|index|app|main)\.(m?[jt]s|cjs))$/;

/** Folders that hold no services of their own, or those of others. */
const passed_over =
  /^(\..*|node_modules|bower_components|vendor|third_party|dist|build|out|target|coverage|__pycache__|venv|env|tests?|__tests__|specs?|fixtures|testdata|e2e|examples?|samples?|demos?|docs?|templates?|bench(marks?)?|scripts|tools|hack)$/i;

/** Whether a folder is looked at. What is below `root` is, up to the same rules from there on. */
export function isLookedAt(path: string, root: string): boolean {
  if (root !== '' && path !== root && !path.startsWith(`${root}/`)) return false;
  const steps = path
    .slice(root === '' ? 0 : root.length + 1)
    .split('/')
    .filter((step) => step !== '');
  return (
    steps.length <= depth_max && !steps.some((step) => passed_over.test(step)) && RootDirectory.safeParse(path).success
  );
}

export async function detectServices(top: Folder, root: string): Promise<Detection> {
  const notes: string[] = [];
  const folders = foldersOf(top, root);
  if (folders.length > folders_max) {
    notes.push(`Only the first ${folders_max} of ${folders.length} folders were looked at; name one as \`root\`.`);
  }
  const drafts: Draft[] = [];
  for (const path of folders.slice(0, folders_max)) {
    const found = await detectFolder(top.at(path));
    drafts.push(...found.drafts);
    notes.push(...found.notes);
  }
  return { drafts: withoutThoseThatGiveWay(drafts), notes };
}

/** Folders with something to go by, those nearest to the top first. */
function foldersOf(top: Folder, root: string): string[] {
  const found = new Set<string>([root]);
  for (const path of top.below) {
    const folder = parentOf(path);
    const file = path.slice(folder === '' ? 0 : folder.length + 1);
    if (found.has(folder) || !isLookedAt(folder, root)) continue;
    if (manifests.test(file) || isPythonEntry(file, folder.split('/').at(-1) ?? '')) found.add(folder);
  }
  const depth = (path: string) => (path === '' ? 0 : path.split('/').length);
  return [...found].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
}

async function detectFolder(folder: Folder): Promise<Detection> {
  const notes: string[] = [];
  let drafts: Draft[] = [];
  for (const detect of languages) {
    const found = await detect(folder);
    notes.push(...found.notes);
    drafts = found.drafts;
    if (drafts.length > 0) break;
  }
  const [base] = drafts;
  if (base && base.kind !== 'node' && folder.has('package.json') && base.kind !== 'static') {
    base.notes = [...base.notes, 'There is a package.json as well: if pages are built with it, add that to the build.'];
  }
  const processes = await detectProcfile(folder, base ?? null);
  notes.push(...processes.notes);
  return { drafts: processes.drafts.length > 0 ? processes.drafts : drafts, notes };
}

function withoutThoseThatGiveWay(drafts: readonly Draft[]): Draft[] {
  const isBelow = (draft: Draft, other: Draft) =>
    draft !== other && draft.root !== other.root && (other.root === '' || draft.root.startsWith(`${other.root}/`));
  const withoutFrames = drafts.filter(
    (draft) => !draft.is_frame || !drafts.some((other) => isBelow(other, draft) && !other.is_bare),
  );
  return withoutFrames.filter(
    (draft) =>
      !draft.is_bare ||
      !withoutFrames.some(
        (other) =>
          isBelow(draft, other) && (draft.kind === 'static' || draft.kind === other.kind || other.kind === 'procfile'),
      ),
  );
}
