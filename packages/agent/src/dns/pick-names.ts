/** Which names adapter fits a server, by facts, and the port over whichever that is. */
import { readFileSync } from 'node:fs';
import type { Clock } from '@mainstay/runtime/clock';
import type { Exec } from '@mainstay/runtime/exec';
import type { Logger } from '@mainstay/runtime/log';
import type { Names, NamesMechanism, NamesObserved, NamesWanted } from './names.ts';

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
  adapters: Record<NamesMechanism, Names>;
  facts(): Promise<NamesFacts>;
  clock: Pick<Clock, 'now'>;
  log: Logger;
};

/** Facts change rarely: resolved is installed, or starts later than the agent. Milliseconds. */
const facts_interval_ms = 60_000;

/** The names port by whichever adapter fits now; what the others may have left is removed when one is taken. */
export function createSystemNames({ adapters, facts, clock, log }: SystemNamesOptions): Names {
  /** What the facts said, and what is in force: the hosts file where resolved did not take the names. */
  let chosen: { picked: NamesMechanism; used: NamesMechanism; at: number } | null = null;

  const take = async (used: NamesMechanism, wanted: NamesWanted) => {
    await adapters[used].apply(wanted);
    if (chosen?.used === used) return;
    for (const other of ['resolved', 'hosts'] as const) {
      if (other !== used && used !== 'none') await adapters[other].remove();
    }
  };

  return {
    async apply(wanted) {
      const picked = pickNames(await facts());
      const at = clock.now();
      let used = picked === chosen?.picked ? chosen.used : picked;
      try {
        await take(used, wanted);
      } catch (error) {
        if (used !== 'resolved') throw error;
        log.warn({ reason: (error as Error).message }, 'systemd-resolved did not take the names; the hosts file does');
        used = 'hosts';
        await take(used, wanted);
      }
      chosen = { picked, used, at };
    },
    async remove() {
      const { is_root } = await facts();
      if (is_root) for (const how of ['resolved', 'hosts'] as const) await adapters[how].remove();
      chosen = null;
    },
    async observe(): Promise<NamesObserved> {
      if (chosen === null) return { state: 'none', how: 'none', drift: null };
      if (clock.now() - chosen.at >= facts_interval_ms) {
        chosen.at = clock.now();
        const picked = pickNames(await facts());
        if (picked !== chosen.picked)
          return { state: 'down', how: chosen.used, drift: `Names are now to be had by another way: ${picked}.` };
      }
      return adapters[chosen.used].observe();
    },
    async close() {
      for (const adapter of Object.values(adapters)) await adapter.close();
    },
  };
}
