/**
 * Drift: what somebody changed on this server that the agent had set. Found by comparing, put back at once, and told with what
 * can be known of who did it. Who wrote a file is not recorded anywhere, so nobody is named for it: its owner and time are told,
 * and who was logged in then (utmp(5)), which is a hint and no proof.
 */
import { readFileSync, type Stats, statSync } from 'node:fs';

export type Drift = {
  /** The path, unit or service that is not as it was set. */
  what: string;
  expected: string;
  found: string;
  /** Milliseconds; null where it is not known. */
  changed_at: number | null;
  /** What is known of who did it; null where nothing is. */
  by: string | null;
};

/** Whether a file is as it was written; its drift when it is not. Follows links. */
export function fileDrift(path: string, text: string, expected = 'the file as the agent wrote it'): Drift | null {
  let found: string;
  try {
    found = readFileSync(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return drift(path, expected, code === 'ENOENT' ? 'it is not there' : `it cannot be read (${code})`);
  }
  return found === text ? null : changedFile(path, expected);
}

/** The drift of a file that is there with another text. */
function changedFile(path: string, expected: string): Drift {
  return strayFile(path, expected, 'another text');
}

/** The drift of a file as it is now: since when, and whose it is. */
export function strayFile(path: string, expected: string, found: string): Drift {
  let stat: Stats;
  try {
    stat = statSync(path);
  } catch {
    return drift(path, expected, 'it is not there');
  }
  const own = process.getuid?.();
  const owner = stat.uid === own ? null : `the file is now owned by ${userName(stat.uid)}`;
  return { what: path, expected, found, changed_at: Math.round(stat.ctimeMs), by: byOf(owner) };
}

/** A drift that was seen just now, of which no time is known. */
export function drift(what: string, expected: string, found: string): Drift {
  return { what, expected, found, changed_at: null, by: byOf(null) };
}

function byOf(known: string | null): string | null {
  const logged_in = loggedIn();
  const hint = logged_in.length > 0 ? `logged in at the time: ${logged_in.join(', ')}` : null;
  return [known, hint].filter((part) => part !== null).join('; ') || null;
}

function userName(uid: number): string {
  try {
    return new RegExp(`^([^:]+):[^:]*:${uid}:`, 'm').exec(readFileSync('/etc/passwd', 'utf8'))?.[1] ?? `uid ${uid}`;
  } catch {
    return `uid ${uid}`;
  }
}

const utmp_bytes = 384;
const user_process = 7;
const logged_in_max = 5;

/** Users with a session on this machine now, and from where; at most five. */
export function loggedIn(utmp_path = '/run/utmp', proc = '/proc'): string[] {
  let records: Buffer;
  try {
    records = readFileSync(utmp_path);
  } catch {
    return [];
  }
  const users = new Set<string>();
  for (let at = 0; at + utmp_bytes <= records.length; at += utmp_bytes) {
    const text = (from: number, bytes: number) =>
      records
        .toString('latin1', at + from, at + from + bytes)
        .replace(/\0.*$/s, '')
        .replace(/[^ -~]/g, '?');
    if (records.readInt16LE(at) !== user_process) continue;
    // A session that ended without a word leaves its record.
    if (!isProcess(proc, records.readInt32LE(at + 4))) continue;
    const [line, user, host] = [text(8, 32), text(44, 32), text(76, 256)];
    users.add(host ? `${user} from ${host} (${line})` : `${user} (${line})`);
  }
  return [...users].slice(0, logged_in_max);
}

function isProcess(proc: string, pid: number): boolean {
  try {
    return statSync(`${proc}/${pid}`).isDirectory();
  } catch {
    return false;
  }
}
