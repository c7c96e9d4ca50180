/** Which names adapter fits a server, by facts, and the port over whichever that is. */
import { readFileSync } from 'node:fs';
import type { AppError } from '@mainstay/contract/app-error';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import { checkNames, type Names, type NamesMechanism, type NamesObserved, type NamesWanted } from './names.ts';

export type NamesFacts = {
  /** Only root changes what all programs of a server see. */
  is_root: boolean;
  /** systemd-resolved runs, and programs ask it. */
  resolved: boolean;
};

/** Resolved where programs ask it; else the hosts file; nothing without root. */
export function pickNames({ is_root, resolved }: NamesFacts): NamesMechanism {
  if (!is_root) return 'none';
  return resolved ? 'resolved' : 'hosts';
}

export type FactsOptions = { exec: Exec; resolv_conf?: string; nsswitch_conf?: string; is_root?: boolean };

/** Programs ask resolved by its stub in resolv.conf(5), or by nss-resolve(8). That it runs alone says nothing. */
export async function readNamesFacts(options: FactsOptions): Promise<NamesFacts> {
  const is_root = options.is_root ?? process.getuid?.() === 0;
  const isAsked =
    /^\s*nameserver\s+127\.0\.0\.5[34]\b/m.test(textOf(options.resolv_conf ?? '/etc/resolv.conf')) ||
    /^\s*hosts:.*\bresolve\b/m.test(textOf(options.nsswitch_conf ?? '/etc/nsswitch.conf'));
  if (!is_root || !isAsked) return { is_root, resolved: false };
  const active = await options.exec(['systemctl', 'is-active', '--quiet', 'systemd-resolved.service'], {
    timeout_ms: 10_000,
  });
  return { is_root, resolved: active.code === 0 };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

export type SystemNamesOptions = {
  adapters: Record<'resolved' | 'hosts', Names>;
  facts(): Promise<NamesFacts>;
  clock: Pick<Clock, 'now'>;
  log: Logger;
};

/** Facts change rarely: resolved is installed, or starts later than the agent. Milliseconds. */
const facts_interval_ms = 60_000;

/**
 * With resolved the hosts file has the names as well: resolved keeps no answers of servers on loopback, so that without it services
 * would lose each other for as long as the agent is restarted.
 */
const adaptersOf: Record<NamesMechanism, readonly ('hosts' | 'resolved')[]> = {
  resolved: ['hosts', 'resolved'],
  hosts: ['hosts'],
  none: [],
};

/** The names port by whatever fits now; what else may have been left is removed when the way is taken. */
export function createSystemNames({ adapters, facts, clock, log }: SystemNamesOptions): Names {
  /** What the facts said, and what is in force: the hosts file alone where resolved did not take the names. */
  let chosen: { picked: NamesMechanism; used: NamesMechanism; at: number } | null = null;

  const take = async (used: NamesMechanism, wanted: NamesWanted) => {
    for (const how of adaptersOf[used]) await adapters[how].apply(wanted);
    if (used === 'hosts' && chosen?.used !== used) await adapters.resolved.remove();
  };

  return {
    async apply(wanted) {
      checkNames(wanted);
      const picked = pickNames(await facts());
      const at = clock.now();
      let used = picked === chosen?.picked ? chosen.used : picked;
      try {
        await take(used, wanted);
      } catch (error) {
        if (used !== 'resolved' || (error as AppError).code !== 'Unavailable') throw error;
        log.warn({ reason: (error as Error).message }, 'systemd-resolved did not take the names; the hosts file does');
        used = 'hosts';
        await take(used, wanted);
      }
      chosen = { picked, used, at };
    },
    async remove() {
      const { is_root } = await facts();
      if (is_root) for (const how of adaptersOf.resolved) await adapters[how].remove();
      chosen = null;
    },
    async observe(): Promise<NamesObserved> {
      if (chosen === null || chosen.used === 'none') return { state: 'none', how: 'none', drift: null };
      const how = chosen.used;
      if (clock.now() - chosen.at >= facts_interval_ms) {
        chosen.at = clock.now();
        const picked = pickNames(await facts());
        if (picked !== chosen.picked)
          return { state: 'down', how, drift: `Names are now to be had by another way: ${picked}.` };
      }
      for (const each of adaptersOf[how]) {
        const { state, drift } = await adapters[each].observe();
        if (state !== 'active') return { state, how, drift };
      }
      return { state: 'active', how, drift: null };
    },
    async close() {
      for (const adapter of Object.values(adapters)) await adapter.close();
    },
  };
}
