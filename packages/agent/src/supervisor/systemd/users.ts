/**
 * The users that services and builds run as: one of the system for each service, and another for its builds, made when they
 * are first needed and kept, so that data keeps its owner over releases and reboots and a name is there for programs that
 * ask for one (ADR 0024). Builds have their own, so that what they run cannot signal or look into the running service.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AppError } from '@mainstay/contract/errors';
import type { Exec } from '@mainstay/runtime/exec';

/** systemd-sysusers takes no longer ones. */
const name_max = 31;

export function userName(service: string, kind: 'service' | 'build'): string {
  // No service has an underscore in its name, so the two never meet.
  const prefix = kind === 'service' ? 'mainstay-' : 'mainstay_b-';
  const whole = prefix + service;
  if (whole.length <= name_max) return whole;
  const digest = createHash('sha256').update(service).digest('hex').slice(0, 8);
  return `${whole.slice(0, name_max - 9)}-${digest}`;
}

/** The number of a user of this machine; null when there is none of that name. */
export function findUser(name: string): number | null {
  const entry = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${name}:`));
  return entry === undefined ? null : Number(entry.split(':')[2]);
}

/** Whether a line of /etc/passwd is that of a user that was made here: by its name, and by what is written beside it. */
export function isOurs(line: string): boolean {
  return /^mainstay(-|_b-)[a-z0-9-]+:[^:]*:\d+:\d+:Mainstay (service|builds of) /.test(line);
}

export type User = { name: string; uid: number };

/** Makes sure of the user. Throws Unavailable when the machine refuses. */
export async function ensureUser(exec: Exec, service: string, kind: 'service' | 'build'): Promise<User> {
  const name = userName(service, kind);
  const present = findUser(name);
  if (present !== null) return { name, uid: present };
  const about = kind === 'service' ? `Mainstay service ${service}` : `Mainstay builds of ${service}`;
  const result = await exec(['systemd-sysusers', '--inline', `u ${name} - "${about}" /`], { timeout_ms: 30_000 });
  const uid = findUser(name);
  if (uid !== null) return { name, uid };
  throw new AppError('Unavailable', `The user "${name}" could not be made: ${result.stderr.trim().slice(0, 500)}`, {
    hint: 'Look at /etc/passwd on the server: it must be writable, and have numbers left for users of the system.',
  });
}
