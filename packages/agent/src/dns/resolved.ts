/**
 * The names port over our DNS responder and split DNS of systemd-resolved: `~<domain>` goes to the responder, all else where it
 * went before. It leaves no file behind; after a reboot the agent sets it up again, as the responder is the agent's.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import {
  addLink,
  deleteLink,
  type LinkState,
  linkCommands,
  linkName,
  resolvedCommands,
  run,
  serverText,
  linkState as systemLinkState,
} from './link.ts';
import { checkNames, type Names, type NamesObserved } from './names.ts';
import type { Responder } from './responder.ts';
import { zoneOf } from './zone.ts';

export type ResolvedNamesOptions = {
  responder: Responder;
  exec: Exec;
  clock: Pick<Clock, 'now'>;
  linkState?: () => LinkState;
  /** Where resolved keeps the settings of links. Looked at to be sooner, never relied on. */
  settings_folder?: string;
};

/** Resolved itself is asked so often, milliseconds: two programs are run for it. */
const ask_interval_ms = 60_000;

export function createResolvedNames(options: ResolvedNamesOptions): Names {
  const { responder, exec, clock } = options;
  const linkState = options.linkState ?? systemLinkState;
  const settings_folder = options.settings_folder ?? '/run/systemd/resolve/netif';
  let domain: string | null = null;
  let looked: { stamp: string; at: number; drift: string | null } | null = null;

  const hasLink = () => linkState() !== 'missing';
  /** Changes when the link or any settings do. */
  const stamp = () => `${linkState()} ${responder.address() !== null} ${settingsText(settings_folder)}`;

  /** What is amiss with the link, by resolved's own words; null when nothing is. */
  const askResolved = async (wanted_domain: string): Promise<string | null> => {
    const address = responder.address();
    if (address === null) return 'The DNS responder had lost its socket.';
    const state = linkState();
    if (state !== 'up') return `The network link ${linkName} was ${state === 'down' ? 'put down' : 'deleted'}.`;
    const [servers, domains, status] = await Promise.all([
      run(exec, ['resolvectl', 'dns', linkName]),
      run(exec, ['resolvectl', 'domain', linkName]),
      run(exec, ['resolvectl', 'status', linkName]),
    ]);
    if (settingOf(servers) !== serverText(address) || settingOf(domains) !== `~${wanted_domain}`)
      return `The DNS settings of the network link ${linkName} were changed.`;
    return /^\s*Current Scopes:.*\bDNS\b/m.test(status)
      ? null
      : `systemd-resolved does not use the network link ${linkName}.`;
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
      const now = { stamp: stamp(), at: clock.now() };
      if (looked === null || looked.stamp !== now.stamp || now.at - looked.at >= ask_interval_ms)
        looked = { ...now, drift: await askResolved(domain).catch((error: Error) => error.message) };
      return { state: looked.drift === null ? 'active' : 'down', how: 'resolved', drift: looked.drift };
    },
    close: () => responder.close(),
  };
}

/** `Link 4 (mainstay0): 127.0.53.53` → `127.0.53.53` */
const settingOf = (line: string) => line.trim().replace(/^Link \d+ \([^)]*\):\s*/, '');

/** All settings that resolved keeps of links, one small file each; empty where it keeps them elsewhere. */
function settingsText(folder: string): string {
  try {
    const files = readdirSync(folder).sort();
    return files.map((name) => `${name} ${readFileSync(join(folder, name), 'latin1')}`).join('\n');
  } catch {
    return '';
  }
}
