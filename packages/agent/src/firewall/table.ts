/** Our table in the kernel, by the program nft: loaded whole, listed, compared. */
import type { Exec, ExecResult } from '@mainstay/runtime/exec';
import { ServerFailure } from '../server/server-part.ts';
import type { Argv } from './dead-man.ts';
import { table_name } from './table-text.ts';

export type Table = {
  /** Loads a transaction; nothing of it is in force when it throws ServerFailure. */
  load(text: string): Promise<void>;
  /** The table as nft prints it, but for what comes and goes by itself; null where there is none, or no nft. */
  listing(): Promise<string | null>;
  /** Of nft, since a listing is as that version prints it. */
  version(): Promise<string>;
};

const command_ms = 15_000;

export function createTable({ exec, nft }: { exec: Exec; nft: Argv }): Table {
  const must = (result: ExecResult, what: string) => {
    if (result.code === 0) return result.stdout;
    if (result.error?.code === 'ENOENT') {
      throw new ServerFailure(
        'The program nft, which sets the rules, is not there.',
        'Install nft on this server: apt-get install nftables',
      );
    }
    const why = (result.error?.message ?? result.stderr).trim().slice(0, 1_000);
    throw new ServerFailure(`The firewall of the kernel did not ${what}: ${why}`, 'See: nft list ruleset');
  };
  return {
    async load(text) {
      must(await exec([...nft, '-f', '-'], { stdin: text, timeout_ms: command_ms }), 'take the rules');
    },
    async listing() {
      const result = await exec([...nft, '-s', 'list', 'table', 'inet', table_name], { timeout_ms: command_ms });
      if (result.error?.code === 'ENOENT') return null;
      if (result.code !== 0 && /No such file or directory|does not exist/.test(result.stderr)) return null;
      return must(result, 'show the rules').replace(grace_sets, '$1');
    },
    async version() {
      return must(await exec([...nft, '--version'], { timeout_ms: command_ms }), 'tell its version').trim();
    },
  };
}

/** Elements of the sets of connections from before, which run out. */
const grace_sets = /(\tset before_v[46] \{[^{}]*?)\t*elements = \{[^}]*\}\n/g;

/** What the second listing has less and more than the first, in words; at most six lines of each. */
export function tableDrift(wanted: string, found: string | null): string | null {
  if (found === null) return `The table inet ${table_name} was deleted.`;
  if (found === wanted) return null;
  const [before, now] = [linesOf(wanted), linesOf(found)];
  const gone = before.filter((line) => !now.includes(line));
  const come = now.filter((line) => !before.includes(line));
  const parts = [
    ...(gone.length > 0 ? [`gone: ${gone.slice(0, 6).join(' / ')}`] : []),
    ...(come.length > 0 ? [`new: ${come.slice(0, 6).join(' / ')}`] : []),
  ];
  const what = parts.length > 0 ? parts.join('; ') : 'the order of its rules';
  return `The table inet ${table_name} was changed: ${what}.`.slice(0, 800);
}

function linesOf(listing: string): string[] {
  return listing
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== '}');
}
