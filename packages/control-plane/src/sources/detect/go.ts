/** Go: go.mod, and every package main that serves. */
import { exposedPort } from './containers.ts';
import { type Detection, type Draft, draftOf, no_listener, nothing } from './draft.ts';
import { healthOf, portOf } from './evidence.ts';
import { type Folder, isPlainPath, type Text } from './view.ts';

const programs_max = 10;
const serves =
  /\bListenAndServe|\bnet\/http\b|\bnet\.Listen\b|\bgin\.|\becho\.New|\bfiber\.New|\bchi\.|\bgrpc\.NewServer|\bserver?\b/i;

export async function detectGo(folder: Folder): Promise<Detection> {
  const mod = await folder.read('go.mod');
  if (mod === null) return nothing;
  const version = /^go\s+(\d[\w.]*)/m.exec(mod)?.[1];
  const title = version ? `Go ${version}` : 'Go';
  const own = await mainTexts(folder, '');
  const below = [...new Set(folder.below.filter((path) => /^(cmd\/)?[\w.-]+\/main\.go$/.test(path)))].slice(
    0,
    programs_max,
  );
  const programs: { place: string; texts: Text[] }[] = own.length > 0 ? [{ place: '', texts: own }] : [];
  for (const path of below) {
    const place = path.slice(0, -'/main.go'.length);
    const texts = await mainTexts(folder, place);
    if (isPlainPath(place) && texts.length > 0) programs.push({ place, texts });
  }
  const serving = programs.filter(({ texts }) => texts.some(({ text }) => serves.test(text)));
  const module = /^module\s+"?([\w./~-]+)/m.exec(mod)?.[1]?.replace(/\/v\d+$/, '');
  const drafts: Draft[] = [];
  for (const { place, texts } of serving.length > 0 ? serving : programs.slice(0, 1)) {
    const name = (place === '' ? (module ?? folder.name) : place).split('/').at(-1) ?? 'server';
    const program = `bin/${/^[\w.-]+$/.test(name) ? name : 'server'}`;
    const from = place === '' ? '.' : `./${place}`;
    const file = place === '' ? 'The top of the module' : place;
    drafts.push(
      draftOf({
        root: folder.path,
        called: place === '' ? null : name,
        kind: 'go',
        title,
        build: {
          value: ['go', 'build', '-o', program, from],
          reason: `go.mod makes it a module, and ${from} has package main.`,
        },
        run: { value: [`./${program}`], reason: `${file} has package main, which the build puts there.` },
        port: portOf(texts, await exposedPort(folder)),
        health: healthOf(texts),
        texts,
        notes: [
          `Go${version ? ` ${version} or newer` : ''} must be installed on the server.`,
          ...(serving.length > 0 ? [] : [no_listener]),
        ],
      }),
    );
  }
  return { drafts, notes: [] };
}

/** The files of package main in a folder; what it does may stand in any of them. */
async function mainTexts(folder: Folder, place: string): Promise<Text[]> {
  const prefix = place === '' ? '' : `${place}/`;
  const files = folder.below.filter(
    (path) => path.startsWith(prefix) && /^[\w.-]+\.go$/.test(path.slice(prefix.length)) && !path.endsWith('_test.go'),
  );
  const main = `${prefix}main.go`;
  const texts = await folder.texts([main, ...files], 4);
  return texts.some(({ text }) => /^package main\b/m.test(text)) ? texts : [];
}
