/**
 * From a repository to proposals: drafts of its folders get names that are unique, routes that do not collide, and the
 * variables that the repository names. A pure function of what is read; it never fails on what a repository holds.
 */
import { limitsOfSources, type ServiceProposal } from '@mainstay/contract/operations/sources';
import { PathPrefix, StackSpec } from '@mainstay/contract/stack';
import { detectServices } from './detect/detect.ts';
import type { Draft } from './detect/draft.ts';
import { detectEnv } from './detect/env-example.ts';
import { namesPrefix } from './detect/evidence.ts';
import { leftoverNotes } from './detect/leftovers.ts';
import { type Folder, openView, type RepositoryView } from './detect/view.ts';

export type Proposed = { proposals: ServiceProposal[]; notes: string[] };

/** @param repository What it is called. @param root Folder to stay in; empty for the whole of it. */
export async function proposeServices(view: RepositoryView, repository: string, root: string): Promise<Proposed> {
  const top = openView(view, repository);
  const { drafts, notes } = await detectServices(top, root);
  const { proposals_max } = limitsOfSources;
  const named = nameDrafts(drafts.slice(0, proposals_max), top);
  const routes = routesOf(named);
  const proposals: ServiceProposal[] = [];
  for (const [name, draft] of named) {
    const { root: folder, called: _, serves, texts: __, is_bare: ___, is_frame: ____, ...rest } = draft;
    proposals.push({
      ...rest,
      name,
      root: folder === '' ? null : folder,
      route: routes.get(name) ?? null,
      env: await envOf(top.at(folder), serves),
      notes: [...rest.notes, ...portNotes(name, draft, named)],
    });
  }
  if (drafts.length > proposals_max) {
    notes.push(`Only the first ${proposals_max} of ${drafts.length} services are proposed; name a folder as \`root\`.`);
  }
  if (proposals.length === 0) {
    const where = root === '' ? 'this repository' : `the folder ${root}`;
    notes.push(
      `Nothing to run was found in ${where}. Name a folder as \`root\`, or say yourself how it is built and run.`,
    );
  }
  return { proposals, notes: [...notes, ...(await leftoverNotes(top, root))] };
}

type Named = Map<string, Draft>;

/** Names by what a program is called, its folder, or the repository; where two are the same, by the folder around it too. */
function nameDrafts(drafts: readonly Draft[], top: Folder): Named {
  const named: Named = new Map();
  for (const draft of drafts) {
    const folder = top.at(draft.root);
    const plain = draft.called ?? folder.name;
    const around = draft.root.includes('/') ? draft.root.split('/').at(-2) : top.name;
    const wishes = [plain, `${around}-${plain}`].map(dnsName);
    let name = wishes.find((wish) => !named.has(wish));
    for (let number = 2; name === undefined; number += 1) {
      const numbered = `${wishes[0]!.slice(0, 36).replace(/-+$/, '')}-${number}`;
      if (!named.has(numbered)) name = numbered;
    }
    named.set(name, draft);
  }
  return named;
}

/** A DNS label, as service names are, from any text. */
export function dnsName(text: string): string {
  const plain = text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '');
  const begun = /^[a-z]/.test(plain) ? plain : `app-${plain}`;
  return begun.slice(0, 40).replace(/-+$/, '');
}

const page_names = /^(web|www|site|app|frontend|client|ui|dashboard|portal)$/;

/** One service gets all paths; of several, the one with the pages, and each of the others the path of its name. */
function routesOf(named: Named): Map<string, NonNullable<ServiceProposal['route']>> {
  const reached = [...named].filter(([, draft]) => draft.serves !== 'none');
  const weight = ([name, draft]: [string, Draft]) =>
    (draft.serves === 'pages' ? 4 : 0) + (page_names.test(name) ? 2 : 0) + (draft.root === '' ? 1 : 0);
  const first = reached.toSorted((a, b) => weight(b) - weight(a))[0];
  const routes = new Map<string, NonNullable<ServiceProposal['route']>>();
  for (const entry of reached) {
    const [name, draft] = entry;
    const prefix = `/${name}`;
    if (entry === first) {
      const why = draft.serves === 'pages' ? 'It serves the pages' : 'It comes first';
      const reason =
        reached.length === 1
          ? 'It is the only service that is reached from outside.'
          : `${why}, and gets every path that no other service has.`;
      routes.set(name, { prefix: '/', strip: false, reason });
    } else if (PathPrefix.safeParse(prefix).success) {
      const is_own = namesPrefix(draft.texts, prefix);
      const reason = is_own
        ? `Its own routes begin with ${prefix}.`
        : `By its name; the prefix is taken off, because its own routes do not begin with it.`;
      routes.set(name, { prefix, strip: !is_own, reason });
    }
  }
  return routes;
}

/** Those of its folder, or of the nearest folder around it that has some; files for browsers take none from elsewhere. */
async function envOf(folder: Folder, serves: Draft['serves']): Promise<ServiceProposal['env']> {
  const own = await detectEnv(folder);
  if (own.length > 0 || serves === 'pages') return own;
  for (const around of folder.parents()) {
    const env = await detectEnv(around);
    if (env.length > 0) return env;
  }
  return [];
}

const proxy_defaults = StackSpec.parse({ services: { x: { source: { git: '/x' }, run: 'x' } } });

/** A fixed port can be had once on a server. */
function portNotes(name: string, draft: Draft, named: Named): string[] {
  const port = draft.port.value;
  if (port === null) return [];
  const notes = ['A service with a fixed port is switched with a short pause, in which requests wait.'];
  const { proxy, names } = proxy_defaults;
  if (port === proxy.port || port === names.port) {
    notes.push(
      `Port ${port} is the proxy’s own unless the stack says otherwise (\`proxy.port\`, \`names.port\`): change one of the two.`,
    );
  }
  const others = [...named].filter(([other, { port: fixed }]) => other !== name && fixed.value === port);
  if (others.length > 0)
    notes.push(`${others.map(([other]) => other).join(', ')} has port ${port} too: change one of them.`);
  return notes;
}
