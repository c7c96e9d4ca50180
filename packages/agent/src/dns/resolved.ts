/**
 * The names port over our DNS responder and split DNS of systemd-resolved: `~<domain>` goes to the responder, all else where it
 * went before. It leaves no file behind; after a reboot the agent sets it up again, as the responder is the agent's.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import { addLink, deleteLink, linkCommands, linkName, resolvedCommands, run, serverText } from './link.ts';
import { checkNames, type Names, type NamesObserved } from './names.ts';
import type { Responder } from './responder.ts';
import { zoneOf } from './zone.ts';

export type ResolvedNamesOptions = {
  responder: Responder;
  exec: Exec;
  clock: Pick<Clock, 'now'>;
  /** Where the kernel shows links. */
  links_folder?: string;
  /** Where resolved keeps the settings of links. Looked at to be sooner, never relied on. */
  settings_folder?: string;
};

/** Resolved itself is asked so often, milliseconds: two programs are run for it. */
const ask_interval_ms = 60_000;

export function createResolvedNames(options: ResolvedNamesOptions): Names {
  const { responder, exec, clock } = options;
  const links_folder = options.links_folder ?? '/sys/class/net';
  const settings_folder = options.settings_folder ?? '/run/systemd/resolve/netif';
  let domain: string | null = null;
  let looked: { stamp: string; at: number; drift: string | null } | null = null;

  const hasLink = () => existsSync(join(links_folder, linkName));
  /** Changes when the link or its settings do. */
  const stamp = () => {
    const read = (path: string) => {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return '';
      }
    };
    const index = read(join(links_folder, linkName, 'ifindex')).trim();
    const state = read(join(links_folder, linkName, 'operstate')).trim();
    return `${index} ${state} ${index === '' ? '' : read(join(settings_folder, index))}`;
  };

  /** What is amiss with the link, by resolved's own words; null when nothing is. */
  const askResolved = async (wanted_domain: string): Promise<string | null> => {
    const address = responder.address();
    if (address === null) return 'The DNS responder had lost its socket.';
    if (!hasLink()) return `The network link ${linkName} was deleted.`;
    const [servers, domains, status] = await Promise.all([
      run(exec, ['resolvectl', 'dns', linkName]),
      run(exec, ['resolvectl', 'domain', linkName]),
      run(exec, ['resolvectl', 'status', linkName]),
    ]);
    if (settingOf(servers) !== serverText(address) || settingOf(domains) !== `~${wanted_domain}`)
      return `The DNS settings of the network link ${linkName} were changed.`;
    return /^\s*Current Scopes:.*\bDNS\b/m.test(status) ? null : `The network link ${linkName} was down.`;
  };

  return {
    async apply(wanted) {
      checkNames(wanted);
      responder.setZone(zoneOf(wanted, Math.floor(clock.now() / 1000)));
      const address = await responder.open();
      domain = wanted.domain;
      looked = null;
      if (hasLink() && (await askResolved(wanted.domain)) === null) return;
      if (!hasLink()) await run(exec, addLink);
      for (const command of [...linkCommands(address), ...resolvedCommands(address, wanted.domain)])
        await run(exec, command);
    },
    async remove() {
      if (hasLink()) await run(exec, deleteLink);
      domain = null;
      looked = null;
      responder.setZone(null);
      await responder.close();
    },
    async observe(): Promise<NamesObserved> {
      if (domain === null) return { state: 'none', how: 'resolved', drift: null };
      const now = { stamp: `${responder.address() !== null} ${stamp()}`, at: clock.now() };
      if (looked === null || looked.stamp !== now.stamp || now.at - looked.at >= ask_interval_ms)
        looked = { ...now, drift: await askResolved(domain).catch((error: Error) => error.message) };
      return { state: looked.drift === null ? 'active' : 'down', how: 'resolved', drift: looked.drift };
    },
    close: () => responder.close(),
  };
}

/** `Link 4 (mainstay0): 127.0.53.53` → `127.0.53.53` */
const settingOf = (line: string) => line.trim().replace(/^Link \d+ \([^)]*\):\s*/, '');
