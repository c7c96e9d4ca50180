/** Files to be handed out as they are, or as Hugo makes them. */
import { type Detection, draftOf, fileServer, fileServerNotes, nothing, pageHealth, toldPort } from './draft.ts';
import type { Folder } from './view.ts';

/** Folders that are handed out and not looked at by themselves, besides the folder itself. */
const served_folders = ['', 'public', 'dist', '_site', 'docs'];

export async function detectStaticSite(folder: Folder): Promise<Detection> {
  const hugo = folder.first(['hugo.toml', 'hugo.yaml', 'hugo.yml', 'hugo.json']);
  const served =
    hugo === null
      ? served_folders.find((place) => folder.has(place === '' ? 'index.html' : `${place}/index.html`))
      : 'public';
  if (served === undefined) return nothing;
  const there = served === '' ? 'index.html' : `${served}/index.html`;
  const notes = [...fileServerNotes];
  if (hugo !== null) notes.push('Hugo must be installed on the server.');
  if (served === '') notes.push('Everything in the folder is handed out, also what is not meant for readers.');
  const draft = draftOf({
    root: folder.path,
    kind: 'static',
    title: hugo === null ? 'Static site' : 'Static site (Hugo)',
    build: hugo === null ? null : { value: ['hugo', '--minify'], reason: `There is ${hugo}.` },
    run: {
      value: fileServer(served),
      reason:
        hugo === null
          ? `There is ${there}, and Python’s file server hands it out.`
          : 'Hugo makes files in public, which Python’s file server hands out.',
    },
    port: toldPort,
    health: pageHealth,
    serves: 'pages',
    notes,
    is_bare: true,
  });
  return { drafts: [draft], notes: [] };
}
