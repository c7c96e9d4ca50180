/** What lies on the disk of a host, to see what something left behind there. */
import type { LabHost } from './open-lab.ts';

/** Logs, caches of packages, what systemd makes for itself, and the copies of before that its tools keep when a user comes or goes. */
const of_the_system =
  /^\/(var\/log|var\/cache|var\/lib\/(apt|dpkg|systemd)|root\/\.cache|var\/tmp\/systemd-private-[^/]*|etc\/(passwd|shadow|group|gshadow)-)(\/|$)/;

/** Path, kind, mode, owner and content of everything on the disk of a host, but logs and package caches. */
export async function filesOf(host: LabHost): Promise<string[]> {
  const listed = await host.run(['find', '/', '-xdev', '-printf', '%p\t%y %m %U:%G %l\\n'], room);
  const sums = await host.run(
    ['find', '/', '-xdev', '-type', 'f', '-size', '-200000k', '-exec', 'sha256sum', '{}', '+'],
    room,
  );
  return [...listed.split('\n'), ...sums.split('\n').map((line) => `${line.slice(66)}\t${line.slice(0, 64)}`)]
    .filter((line) => line.startsWith('/') && !of_the_system.test(line.split('\t')[0]!))
    .sort();
}

/** Files on the disk that were written since the mark was made, but logs and package caches. */
export async function filesSince(host: LabHost, mark: string): Promise<string[]> {
  const found = await host.run(['find', '/', '-xdev', '!', '-type', 'd', '-newer', mark], room);
  return found.split('\n').filter((path) => path !== '' && !of_the_system.test(path));
}

/** What is in one list and not in the other. */
export function differences(before: readonly string[], after: readonly string[]): string[] {
  const [had, has] = [new Set(before), new Set(after)];
  const gone = before.filter((line) => !has.has(line)).map((line) => `- ${line}`);
  return [...gone, ...after.filter((line) => !had.has(line)).map((line) => `+ ${line}`)];
}

const room = { output_bytes_max: 64 * 1024 * 1024 };
