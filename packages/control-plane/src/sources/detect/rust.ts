/**
 * Rust: Cargo.toml with a program. Built from the top of its workspace, where Cargo keeps what it makes. Cargo.toml is read
 * by patterns: names of packages and programs are all that is needed of it.
 */
import { exposedPort } from './containers.ts';
import { type Detection, type Draft, draftOf, no_listener, nothing } from './draft.ts';
import { healthOf, portOf } from './evidence.ts';
import type { Folder } from './view.ts';

const programs_max = 5;
const crates: readonly (readonly [RegExp, string])[] = [
  [/^axum\b/m, 'axum'],
  [/^actix-web\b/m, 'Actix'],
  [/^rocket\b/m, 'Rocket'],
  [/^warp\b/m, 'warp'],
  [/^poem\b/m, 'Poem'],
  [/^tide\b/m, 'Tide'],
  [/^tonic\b/m, 'tonic'],
  [/^hyper\b/m, 'hyper'],
];

export async function detectRust(folder: Folder): Promise<Detection> {
  const manifest = await folder.read('Cargo.toml');
  const name = manifest === null ? undefined : keyOf(sectionOf(manifest, 'package'), 'name');
  if (manifest === null || name === undefined) return nothing;
  const listed = [...manifest.matchAll(/^\[\[bin\]\]\s*\n((?:(?!\[).*\n?)*)/gm)].map((match) =>
    keyOf(match[1] ?? '', 'name'),
  );
  const own = folder.below.flatMap((path) => /^src\/bin\/([\w-]+)(?:\.rs|\/main\.rs)$/.exec(path)?.[1] ?? []);
  const programs = [...new Set([...(folder.has('src/main.rs') ? [name] : []), ...listed, ...own])].filter(
    (p) => p !== undefined,
  );
  const chosen = keyOf(sectionOf(manifest, 'package'), 'default-run');
  const run = chosen !== undefined ? [chosen] : programs.slice(0, programs_max);
  if (run.length === 0) return nothing;
  const texts = await folder.texts([
    'src/main.rs',
    ...run.map((program) => `src/bin/${program}.rs`),
    'src/lib.rs',
    'src/config.rs',
  ]);
  const framework = crates.find(([pattern]) => pattern.test(manifest))?.[1] ?? null;
  const workspace = await workspaceTop(folder);
  const top = workspace ?? folder;
  const locked = top.has('Cargo.lock');
  const notes = ['Cargo must be installed on the server. Its builds take memory: see `limits.build_memory_mb`.'];
  if (!locked) notes.push('There is no Cargo.lock: two builds of one commit may differ. Commit it.');
  if (!framework && !texts.some(({ text }) => /TcpListener|\bbind\(|\bserve\(/.test(text))) notes.push(no_listener);
  const drafts: Draft[] = [];
  for (const program of run) {
    const target = workspace || run.length > 1 ? ['--package', name, '--bin', program] : ['--bin', program];
    drafts.push(
      draftOf({
        root: top.path,
        called: workspace || run.length > 1 ? program : null,
        kind: 'rust',
        title: framework ? `Rust (${framework})` : 'Rust',
        build: {
          value: ['cargo', 'build', '--release', ...(locked ? ['--locked'] : []), ...target],
          reason: `Cargo.toml has package ${name}${workspace ? ', a member of the workspace around it' : ''}${locked ? ', and Cargo.lock pins the dependencies' : ''}.`,
        },
        run: { value: [`./target/release/${program}`], reason: `The build puts the program ${program} there.` },
        port: portOf(texts, await exposedPort(folder)),
        health: healthOf(texts),
        texts,
        notes,
      }),
    );
  }
  return { drafts, notes: [] };
}

async function workspaceTop(folder: Folder): Promise<Folder | null> {
  for (const around of folder.parents()) {
    if (/^\[workspace\]/m.test((await around.read('Cargo.toml')) ?? '')) return around;
  }
  return null;
}

function sectionOf(text: string, name: string): string {
  const start = text.search(new RegExp(`^\\[${name}\\]`, 'm'));
  if (start < 0) return '';
  const rest = text.slice(start + name.length + 2);
  const end = rest.search(/^\[/m);
  return end < 0 ? rest : rest.slice(0, end);
}

function keyOf(text: string, key: string): string | undefined {
  return new RegExp(`^${key}\\s*=\\s*"([A-Za-z0-9_][\\w-]{0,63})"`, 'm').exec(text)?.[1];
}
