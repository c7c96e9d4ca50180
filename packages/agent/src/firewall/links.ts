/**
 * Network links of containers and virtual machines on this server: what comes from them comes from inside. They are told by their names,
 * since they come and go while rules stand; a link that is named so and leads outside all the same is found and left out.
 */
import { existsSync } from 'node:fs';
import { namesIn, textOf } from './files.ts';

/** Names that container and virtual machine software gives to its links, as patterns of nftables. */
export const containerLinks: readonly string[] = [
  'docker*',
  'br-*',
  'podman*',
  'cni*',
  'veth*',
  'virbr*',
  'vnet*',
  'lxcbr*',
  'lxdbr*',
  'incusbr*',
];

/** A name of a link, as it may stand in rules. */
const plain_name = /^[A-Za-z0-9_.:@-]{1,15}$/;

export type LinkFolders = { proc?: string; sys?: string };

/** Links that are named as those of containers are, and carry a default route or bridge a device. */
export function outerLinks({ proc = '/proc', sys = '/sys/class/net' }: LinkFolders = {}): string[] {
  const leading = new Set([
    ...defaultRoutes(textOf(`${proc}/net/route`), 0, '00000000', 1),
    ...defaultRoutes(textOf(`${proc}/net/ipv6_route`), 9, '0'.repeat(32), 0),
    ...bridgesOfDevices(sys),
  ]);
  return [...leading].filter((link) => plain_name.test(link) && containerLinks.some((each) => matches(each, link)));
}

/** Links with a default route, from the columns of the kernel's table. */
function defaultRoutes(table: string, link_column: number, destination: string, column: number): string[] {
  return table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns[column] === destination)
    .flatMap((columns) => columns[link_column] ?? []);
}

function bridgesOfDevices(sys: string): string[] {
  return namesIn(sys).filter((link) =>
    namesIn(`${sys}/${link}/brif`).some((port) => existsSync(`${sys}/${port}/device`)),
  );
}

function matches(pattern: string, link: string): boolean {
  return link.startsWith(pattern.slice(0, -1));
}
