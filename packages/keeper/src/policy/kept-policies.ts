/** The last good set of policies, kept in the ledger's file over a restart; that it came into force is an entry of the ledger. */
import type { KeeperDatabase } from '../ledger/database.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { PolicyText } from './policy-set.ts';
import type { PolicySourceOptions } from './policy-source.ts';

type Kept = { digest: string; texts: PolicyText[] };

export function keptPolicies({ sql, write }: KeeperDatabase, ledger: Ledger): PolicySourceOptions['kept'] {
  const read = (): Kept | null => {
    const row = sql.prepare("SELECT value FROM meta WHERE key = 'policies'").get() as { value: string } | undefined;
    return row ? (JSON.parse(row.value) as Kept) : null;
  };
  return {
    read: () => read()?.texts ?? null,
    write(texts, digest) {
      if (read()?.digest === digest) return;
      write(() => {
        const kept: Kept = { digest, texts: [...texts] };
        sql.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES ('policies', ?)").run(JSON.stringify(kept));
        ledger.append('policies_in_force', null, { digest, files: texts.map(({ name }) => name) });
      });
    },
  };
}
