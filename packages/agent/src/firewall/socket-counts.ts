/** How many TCP sockets are in use on this server, as the kernel counts them anyway: the list of them it walks all its tables for. */
import { textOf } from './files.ts';

/** The counts of /proc/net/sockstat and sockstat6; empty where there are none. */
export function socketCounts(proc = '/proc'): string {
  const lines = [`${proc}/net/sockstat`, `${proc}/net/sockstat6`].map(
    (path) => /^TCP6?: inuse \d+/m.exec(textOf(path))?.[0] ?? '',
  );
  return lines.join(' ').trim();
}
