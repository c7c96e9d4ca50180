/**
 * The network link that carries our DNS settings to systemd-resolved, and its commands. Resolved sends a domain to the
 * servers of one link alone only when link and domain are its own (ADR 0023), so it is given a link that nothing else uses: a
 * veth pair with no traffic, whose address is of 127.0.0.0/8. Nothing of it is on disk: with the link all settings are gone.
 */
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { AppError } from '@mainstay/contract/errors';
import type { Exec } from '@mainstay/runtime/exec';
import type { Address } from './responder.ts';

export type Command = readonly [string, ...string[]];

export const linkName = 'mainstay0';
const peerName = 'mainstay1';
const timeout_ms = 10_000;

/** Makes the link. */
export const addLink: Command = ['ip', 'link', 'add', linkName, 'type', 'veth', 'peer', 'name', peerName];
/** Takes it away, its other end and its settings. */
export const deleteLink: Command = ['ip', 'link', 'delete', linkName];

/** What brings an existing link into the state that resolved takes for one that works; each may be run again. */
export function linkCommands(address: Address): Command[] {
  const common = ['addrgenmode', 'none', 'multicast', 'off', 'up'];
  return [
    ['ip', 'link', 'set', 'dev', linkName, ...common],
    ['ip', 'link', 'set', 'dev', peerName, ...common],
    ['ip', 'address', 'replace', `${address.host}/32`, 'dev', linkName, 'scope', 'global'],
  ];
}

export type LinkState = 'missing' | 'down' | 'up';

/** The link as this process's own network has it: /sys may be that of another one, where a host is a container. */
export function linkState(): LinkState {
  if (networkInterfaces()[linkName]) return 'up';
  return readFileSync('/proc/net/dev', 'latin1').includes(`${linkName}:`) ? 'down' : 'missing';
}

/** The server as resolved writes it. */
export const serverText = ({ host, port }: Address) => (port === 53 ? host : `${host}:${port}`);

/** What tells resolved to ask us for the domain, and nobody else for it, and us for nothing else. */
export function resolvedCommands(address: Address, domain: string): Command[] {
  const of = (...args: string[]): Command => ['resolvectl', args[0] ?? '', linkName, ...args.slice(1)];
  return [
    of('dns', serverText(address)),
    of('domain', `~${domain}`),
    of('default-route', 'no'),
    of('llmnr', 'no'),
    of('mdns', 'no'),
    of('dnssec', 'no'),
    of('dnsovertls', 'no'),
  ];
}

/** Runs a command; gives what it printed. Throws AppError Unavailable with what it said when it fails. */
export async function run(exec: Exec, command: Command): Promise<string> {
  const result = await exec(command, { timeout_ms, env: { LC_ALL: 'C' } });
  if (result.code === 0) return result.stdout;
  const said = result.error?.message ?? (result.stderr.trim().split('\n').at(-1) || `it ended with ${result.code}`);
  throw new AppError('Unavailable', `"${command.slice(0, 3).join(' ')}" failed: ${said.slice(0, 300)}`, {
    hint: 'The agent needs iproute2, systemd-resolved and the right to make network links.',
  });
}
