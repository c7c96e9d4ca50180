/**
 * UFW, where a server has it. The modes are closed by our own table, in one transaction and for published ports as well, neither of which
 * UFW can do; what is done here is that UFW does not close what the mode leaves open: rules of our own with the comment `mainstay`, in
 * front of all others, and `deny` as the policy for what comes in. Rules of others stay as they are.
 *
 * It goes back by the bytes of the files as they were, where nobody changed them since; otherwise rule by rule, so that what others did
 * meanwhile stays.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { ExecResult } from '@mainstay/runtime/exec';
import { ServerFailure } from '../server/server-part.ts';
import type { Argv } from './dead-man.ts';
import { textOf } from './files.ts';
import type { FirewallRules } from './rules.ts';

export type UfwRule = { port: number; from: string | null };

export type Ufw = {
  isInstalled(): boolean;
  isActive(): boolean;
  /** Copies the files that its commands change, for `restore` and for what takes rules back; says which copy is of which file. */
  save(folder: string): { copy: string; path: string }[];
  /** Makes our rules exactly these, and UFW active. Throws ServerFailure where UFW keeps a port closed all the same. */
  allow(rules: readonly UfwRule[]): Promise<void>;
  /** What is not as `allow` left it, or null. */
  drift(rules: readonly UfwRule[]): string | null;
  /** Puts back what `save` kept. `after` is the fingerprint of the files as we left them. */
  restore(folder: string, after: string | null): Promise<void>;
  fingerprint(): string;
};

const comment = 'mainstay';
/** Where the copy of each file is kept under; the script that takes rules back knows the names. */
const kept: Record<string, string> = {
  'user.rules': '/etc/ufw/user.rules',
  'user6.rules': '/etc/ufw/user6.rules',
  'ufw.conf': '/etc/ufw/ufw.conf',
  default: '/etc/default/ufw',
};

/** What UFW has to let through for the rules of a mode. */
export function ufwRules({ open_ports, ssh_ports, ssh_from }: FirewallRules): UfwRule[] {
  const open = open_ports.map((port) => ({ port, from: null }));
  return [...open, ...ssh_ports.flatMap((port) => ssh_from.map((from) => ({ port, from })))];
}

export type UfwOptions = {
  /** Runs a command outside of the agent's sandbox: UFW sets kernel settings and loads modules. */
  run(argv: Argv): Promise<ExecResult>;
  /** Folder before the paths of UFW's files, for tests. */
  root?: string;
};

export function createUfw({ run, root = '' }: UfwOptions): Ufw {
  const path = (name: string) => `${root}${kept[name]}`;
  const isActive = () => /^ENABLED=yes/im.test(textOf(path('ufw.conf')));
  const hasIpv6 = () => /^IPV6=["']?yes/im.test(textOf(path('default')));
  const policy = () => /^DEFAULT_INPUT_POLICY="?(\w+)/im.exec(textOf(path('default')))?.[1] ?? 'DROP';
  const tuples = () => [...tuplesIn(textOf(path('user.rules'))), ...tuplesIn(textOf(path('user6.rules')))];
  const wantedHere = (rules: readonly UfwRule[]) => rules.filter(({ from }) => !from?.includes(':') || hasIpv6());
  const fingerprint = () => {
    const hash = createHash('sha256');
    for (const name of Object.keys(kept)) hash.update(textOf(path(name)));
    return hash.digest('hex');
  };
  const ufw = async (...args: string[]) => {
    const { code, stderr, stdout, error } = await run(['ufw', ...args]);
    if (code === 0) return;
    const why = (error?.message ?? (stderr || stdout)).trim().slice(0, 1_000);
    throw new ServerFailure(`ufw ${args.slice(0, 3).join(' ')} failed: ${why}`, 'Look at it by: ufw status verbose');
  };
  const remove = async (rules: readonly UfwRule[]) => {
    for (const rule of rules) await ufw('--force', 'delete', ...wordsOf(rule));
  };
  const ours = () => unique(tuples().filter((tuple) => tuple.is_ours));

  return {
    isInstalled: () => existsSync(path('ufw.conf')),
    isActive,
    fingerprint,
    save(folder) {
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      for (const name of Object.keys(kept)) copyFileSync(path(name), `${folder}/${name}`);
      if (isActive()) writeFileSync(`${folder}/active`, '');
      return Object.keys(kept).map((name) => ({ copy: `${folder}/${name}`, path: path(name) }));
    },
    async allow(rules) {
      const wanted = wantedHere(rules);
      const had = ours();
      const missing = wanted.filter((rule) => !had.some((each) => isSame(each, rule)));
      for (const rule of missing) await ufw('prepend', ...wordsOf(rule), 'comment', comment);
      await remove(had.filter((rule) => !wanted.some((each) => isSame(each, rule))));
      if (policy() !== 'DROP') await ufw('default', 'deny', 'incoming');
      if (!isActive()) await ufw('--force', 'enable');
      const closed = wanted.find((rule) => !tuples().some((each) => each.lets && isSame(each, rule)));
      if (!closed) return;
      throw new ServerFailure(
        `UFW has a rule of its own that closes port ${closed.port}, which the security mode opens.`,
        `Look for it by: ufw status numbered; take it away by: ufw delete NUMBER; then ask for the mode again.`,
      );
    },
    drift(rules) {
      if (!isActive()) return 'UFW was disabled.';
      if (policy() !== 'DROP') return 'The default policy of UFW for what comes in was changed.';
      const missing = wantedHere(rules).filter((rule) => !tuples().some((each) => each.lets && isSame(each, rule)));
      return missing.length === 0
        ? null
        : `UFW lost rules: ${missing.map((rule) => wordsOf(rule).join(' ')).join('; ')}.`;
    },
    async restore(folder, after) {
      if (!existsSync(`${folder}/ufw.conf`)) return;
      const was_active = existsSync(`${folder}/active`);
      if (after === fingerprint()) {
        if (!was_active) await ufw('--force', 'disable');
        for (const name of Object.keys(kept)) copyFileSync(`${folder}/${name}`, path(name));
        if (was_active) await ufw('reload');
        return;
      }
      await remove(ours());
      const before = /^DEFAULT_INPUT_POLICY="?(\w+)/im.exec(textOf(`${folder}/default`))?.[1];
      if (policy() === 'DROP' && before && before !== 'DROP')
        await ufw('default', before === 'ACCEPT' ? 'allow' : 'reject', 'incoming');
      if (!was_active && isActive()) await ufw('--force', 'disable');
    },
  };
}

type Tuple = UfwRule & { lets: boolean; is_ours: boolean };

/** Rules for a TCP port, from the comments in which UFW keeps them: action, protocol, port, to, port, from, direction. */
function tuplesIn(text: string): Tuple[] {
  const found: Tuple[] = [];
  const pattern =
    /^### tuple ### (\w+) (tcp|any) (\d+) (?:0\.0\.0\.0\/0|::\/0) any (\S+) in(?: comment=([0-9a-f]*))?$/gm;
  for (const [, action = '', , port, source = '', said = ''] of text.matchAll(pattern)) {
    const from = source === '0.0.0.0/0' || source === '::/0' ? null : source;
    const is_ours = Buffer.from(said, 'hex').toString('utf8') === comment;
    found.push({ port: Number(port), from, lets: /^(allow|limit)/.test(action), is_ours });
  }
  return found;
}

function wordsOf({ port, from }: UfwRule): string[] {
  return ['allow', 'proto', 'tcp', 'from', from ?? 'any', 'to', 'any', 'port', String(port)];
}

/** UFW writes a network of one address without its length. */
function isSame(one: UfwRule, other: UfwRule): boolean {
  return one.port === other.port && networkOf(one.from) === networkOf(other.from);
}

function networkOf(from: string | null): string | null {
  return from?.replace(from.includes(':') ? /\/128$/ : /\/32$/, '') ?? null;
}

function unique(rules: readonly UfwRule[]): UfwRule[] {
  return rules.filter((rule, index) => rules.findIndex((each) => isSame(each, rule)) === index);
}
