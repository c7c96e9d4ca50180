/**
 * Files for containers. Mainstay runs commands itself, so that they are not used; but they tell of ports, and of what a
 * person has to bring along.
 */
import { isPort, type Port } from './evidence.ts';
import { type Folder, quoted } from './view.ts';

const dockerfile = /^(Dockerfile|Containerfile)(\.[\w.-]+)?$/;
const compose = /^(docker-)?compose(\.[\w.-]+)?\.ya?ml$/;
const files_max = 10;

/** The port that the folder's Dockerfile exposes, as a hint for those that tell nothing themselves. */
export async function exposedPort(folder: Folder): Promise<Port | null> {
  const file = folder.files.find((name) => dockerfile.test(name));
  const text = file === undefined ? null : await folder.read(file);
  const value = Number(/^[ \t]*EXPOSE[ \t]+(\d{1,5})\b/im.exec(text ?? '')?.[1]);
  if (!isPort(value)) return null;
  return { value, reason: `${file} has ${quoted(`EXPOSE ${value}`)}, and nothing that was read takes PORT.` };
}

export async function containerNotes(top: Folder, is_meant: (path: string) => boolean): Promise<string[]> {
  const found = top.below.filter(is_meant).map((path) => ({ path, name: path.slice(path.lastIndexOf('/') + 1) }));
  const docker = found.filter(({ name }) => dockerfile.test(name)).slice(0, files_max);
  const notes = docker.map(
    ({ path }) => `There is a Dockerfile at ${path}; Mainstay does not use it: it runs the commands below directly.`,
  );
  for (const { path } of found.filter(({ name }) => compose.test(name)).slice(0, files_max)) {
    const images = [...((await top.read(path)) ?? '').matchAll(/^[ \t]+image:[ \t]*["']?([\w./:@-]{1,100})/gm)];
    const names = [...new Set(images.map((match) => match[1]!))].slice(0, files_max);
    const others = names.length > 0 ? ` What it starts from images is not started here: ${names.join(', ')}.` : '';
    notes.push(`There is a compose file at ${path}; Mainstay does not use it.${others}`);
  }
  return notes;
}
