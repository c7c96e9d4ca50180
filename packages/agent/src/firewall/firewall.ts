/**
 * Rules in force on this server, and how a change of them is made safe:
 * ```
 *   begin: what was confirmed is kept aside ─▶ dead man armed ─▶ UFW lets through ─▶ table loaded, whole
 *              │                                                                        │
 *              └─ agent dead, or the control plane not reached ─▶ revert ◀──────────────┤
 *                                                                                       └▶ confirm: called off, kept for the next boot
 * ```
 * What a change goes back to is always what was confirmed last, never what happens to be in force: a change that was cut short is
 * reverted before the next begins. The same command reverts, whether the dead man runs it or we do.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecResult } from '@mainstay/runtime/exec';
import { ServerFailure } from '../server/server-part.ts';
import type { BootUnit } from './boot-unit.ts';
import type { Argv, DeadMan } from './dead-man.ts';
import { textOf, writeDurably } from './files.ts';
import type { FirewallRules } from './rules.ts';
import { type Table, tableDrift } from './table.ts';
import { no_table, type OpenConnection, tableText } from './table-text.ts';
import { type Ufw, ufwRules } from './ufw.ts';

export type Firewall = {
  /** The rules that were confirmed last; null where nothing is closed. */
  confirmed(): FirewallRules | null;
  /** A change was begun and not confirmed, perhaps by an agent that was killed. */
  isPending(): boolean;
  /** Puts rules in force until the dead man takes them back. Throws ServerFailure with all as it was. */
  begin(rules: FirewallRules, before: readonly OpenConnection[]): Promise<void>;
  confirm(): Promise<void>;
  /** Goes back to what was confirmed last. */
  revert(): Promise<void>;
  /** What somebody changed since, in words; null when nothing, or when the server booted or nft prints otherwise since. */
  drift(): Promise<string | null>;
  putBack(): Promise<void>;
  /** Takes everything back, to the byte where nobody changed it meanwhile. */
  remove(): Promise<void>;
};

export type FirewallOptions = {
  /** Where it keeps what it goes back to; nobody else writes there. */
  folder: string;
  table: Table;
  nft: Argv;
  ufw: Ufw;
  dead_man: DeadMan;
  /** Null where systemd does not boot this machine: the agent puts the rules in force when it starts. */
  boot_unit: BootUnit | null;
  /** Runs a command outside of the agent's sandbox. */
  run(argv: Argv): Promise<ExecResult>;
};

type Wanted = { rules: FirewallRules; before: readonly OpenConnection[] };
type Confirmed = { rules: FirewallRules; listing: string; nft: string; boot: string; ufw: string | null };

/** Puts the table and, where they were kept, UFW's files back. Arguments: the folder, then how nft is called. */
const revert_script = `folder=$1; shift
"$@" -f "$folder/table.nft"; status=$?
if [ -d "$folder/ufw" ]; then
  [ -e "$folder/ufw/active" ] || ufw --force disable
  for name in user.rules user6.rules ufw.conf; do cat "$folder/ufw/$name" > "/etc/ufw/$name" || status=1; done
  cat "$folder/ufw/default" > /etc/default/ufw || status=1
  [ ! -e "$folder/ufw/active" ] || ufw reload || status=1
fi
exit $status`;

export function createFirewall(options: FirewallOptions): Firewall {
  const { folder, table, nft, ufw, dead_man, boot_unit, run } = options;
  const file = (name: string) => join(folder, name);
  const boot_rules = file('table.nft');
  // By its file: a script among the arguments does not come through a reload of systemd as it was.
  const script = file('revert/take-back.sh');
  const revertCommand: Argv = ['sh', script, file('revert'), ...nft];
  const isPending = () => existsSync(file('pending'));
  let confirmed = load(file('confirmed.json'));
  /** The rules of the change that was begun by this very agent. */
  let begun: (Wanted & { listing: string | null }) | null = null;

  const keep = (next: Confirmed) => {
    writeDurably(file('confirmed.json'), JSON.stringify(next));
    confirmed = next;
  };
  const keepAside = async (rules: FirewallRules) => {
    writeDurably(file('pending'), '');
    rmSync(file('revert'), { recursive: true, force: true });
    writeDurably(script, revert_script);
    writeDurably(file('revert/table.nft'), confirmed ? tableText(confirmed.rules) : no_table);
    if (rules.firewall !== 'ufw' && confirmed?.rules.firewall !== 'ufw') return;
    const copies = ufw.save(file('revert/ufw'));
    if (!existsSync(file('before-ufw'))) ufw.save(file('before-ufw'));
    await boot_unit?.guard(file('pending'), copies);
  };
  const settled = async () => {
    begun = null;
    if (confirmed?.rules.firewall !== 'ufw') rmSync(file('before-ufw'), { recursive: true, force: true });
    rmSync(file('pending'), { force: true });
    rmSync(file('revert'), { recursive: true, force: true });
    await boot_unit?.unguard();
  };
  const revert = async () => {
    if (!isPending()) return;
    // Called off only once it is done: an agent that is killed here leaves it to the dead man.
    if (existsSync(file('revert/table.nft'))) {
      writeDurably(script, revert_script);
      const { code, stderr, error } = await run(revertCommand);
      if (code !== 0) throw new ServerFailure(`The rules could not be taken back: ${error?.message ?? stderr.trim()}`);
    }
    await dead_man.callOff();
    await settled();
  };
  const putInForce = async ({ rules, before }: Wanted) => {
    if (rules.firewall === 'ufw') await ufw.allow(ufwRules(rules));
    await table.load(tableText(rules, before));
  };
  /** What we left behind, to know later whether it was changed. */
  const remember = async (rules: FirewallRules) => {
    const listing = (await table.listing()) ?? '';
    const fingerprint = rules.firewall === 'ufw' ? ufw.fingerprint() : null;
    writeDurably(boot_rules, tableText(rules));
    keep({ rules, listing, nft: await table.version(), boot: bootId(), ufw: fingerprint });
  };

  return {
    confirmed: () => confirmed?.rules ?? null,
    isPending,
    revert,

    async begin(rules, before) {
      // Where there is no nft, nothing could be set, nor taken back.
      await table.version();
      await revert();
      if (rules.firewall === 'ufw' && !ufw.isInstalled())
        throw new ServerFailure(
          'UFW is not installed on this server.',
          'Install it: apt-get install ufw; or choose nftables.',
        );
      try {
        await keepAside(rules);
        await dead_man.arm(revertCommand);
        await putInForce({ rules, before });
        begun = { rules, before, listing: await table.listing() };
      } catch (error) {
        await revert();
        throw error;
      }
    },

    async confirm() {
      if (!begun) throw new Error('No change was begun.');
      const { rules, before, listing } = begun;
      const had_ufw = confirmed?.rules.firewall === 'ufw';
      if (had_ufw && rules.firewall !== 'ufw') await ufw.restore(file('before-ufw'), confirmed?.ufw ?? null);
      // What is slow stands before and after: a power cut finds the change confirmed, or to be taken back, as a whole.
      await boot_unit?.install(boot_rules);
      await dead_man.callOff();
      // It may have run a moment before.
      if (listing === null || (await table.listing()) !== listing)
        throw new ServerFailure('The rules were changed or taken back by somebody else before they were confirmed.');
      await remember(rules);
      await settled();
      if (!boot_unit) return;
      await boot_unit.start();
      // The unit loads the rules anew, without the connections from before.
      await table.load(tableText(rules, before));
    },

    async drift() {
      if (!confirmed) return null;
      const found = await table.listing();
      const changed = tableDrift(confirmed.listing, found);
      const in_ufw = confirmed.rules.firewall === 'ufw' ? ufw.drift(ufwRules(confirmed.rules)) : null;
      if (changed === null) {
        if (confirmed.boot !== bootId()) keep({ ...confirmed, boot: bootId() });
        return in_ufw;
      }
      if (found === null ? confirmed.boot === bootId() : confirmed.nft === (await table.version()))
        return in_ufw ? `${changed} ${in_ufw}` : changed;
      await putInForce({ rules: confirmed.rules, before: [] });
      await remember(confirmed.rules);
      return in_ufw;
    },

    async putBack() {
      if (!confirmed) return;
      const { rules } = confirmed;
      await putInForce({ rules, before: [] });
      await remember(rules);
      await boot_unit?.install(boot_rules);
      await boot_unit?.start();
    },

    async remove() {
      await revert();
      if (confirmed?.rules.firewall === 'ufw') await ufw.restore(file('before-ufw'), confirmed.ufw);
      await boot_unit?.remove();
      if (confirmed || (await table.listing()) !== null) await table.load(no_table);
      rmSync(folder, { recursive: true, force: true });
      confirmed = null;
    },
  };
}

function load(path: string): Confirmed | null {
  if (!existsSync(path)) return null;
  return JSON.parse(readFileSync(path, 'utf8')) as Confirmed;
}

/** Changes with each boot; after one, a table that is missing was taken by nobody. */
function bootId(): string {
  return textOf('/proc/sys/kernel/random/boot_id').trim();
}
