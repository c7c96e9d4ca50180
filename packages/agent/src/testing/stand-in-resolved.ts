/**
 * Stands in for `ip` and `resolvectl` in tests on machines that have no systemd-resolved: it keeps links and their settings as
 * those do, and knows no command but ours. The real ones are in the tests of the lab.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Exec, ExecResult } from '@mainstay/runtime/exec';
import type { LinkState } from '../dns/link.ts';

export type StandInResolved = {
  exec: Exec;
  linkState(): LinkState;
  settings_folder: string;
  /** `systemctl is-active` says so. */
  active: boolean;
  /** What to say instead of making links; null when they can be made. */
  refusal: string | null;
  /** Commands that were run, but those that only look. */
  changes: string[];
  settings: ReadonlyMap<string, string>;
};

export function createStandInResolved(root: string): StandInResolved {
  const settings_folder = join(root, 'netif');
  mkdirSync(settings_folder);
  const links = new Set<string>();
  const settings = new Map<string, string>();
  let peer = '';
  let index = 3;
  let is_up = false;

  const save = () => writeFileSync(join(settings_folder, String(index)), JSON.stringify([...settings]));
  const ip = (args: string[]): string => {
    const [object, verb] = args;
    const link = args.includes('dev') ? (args[args.indexOf('dev') + 1] ?? '') : (args[2] ?? '');
    if (object === 'link' && verb === 'add') {
      if (stand_in.refusal) throw new Error(stand_in.refusal);
      if (links.has(link)) throw new Error('RTNETLINK answers: File exists');
      peer = args.at(-1) ?? '';
      index += 2;
      for (const name of [link, peer]) links.add(name);
      return '';
    }
    if (!links.has(link)) throw new Error(`Cannot find device "${link}"`);
    if (object === 'link' && verb === 'delete') {
      for (const name of [link, peer]) links.delete(name);
      rmSync(join(settings_folder, String(index)), { force: true });
      settings.clear();
      is_up = false;
    } else if (object === 'link' && verb === 'set') is_up = args.at(-1) === 'up';
    else if (object !== 'address' || verb !== 'replace') throw new Error(`Command "${args.join(' ')}" is unknown`);
    return '';
  };
  const resolvectl = ([verb = '', link = '', value]: string[]): string => {
    if (!stand_in.active) throw new Error('Unit dbus-org.freedesktop.resolve1.service not found.');
    if (!links.has(link)) throw new Error(`Failed to resolve interface "${link}"`);
    if (verb === 'status') return `Link ${index} (${link})\n    Current Scopes: ${is_up ? 'DNS' : 'none'}\n`;
    if (value === undefined) return `Link ${index} (${link}): ${settings.get(verb) ?? ''}\n`;
    settings.set(verb, value);
    save();
    return '';
  };
  const answer = (code: number, stdout: string, stderr: string): ExecResult => {
    return { code, signal: null, stdout, stderr, killed: null, error: null };
  };
  const stand_in: StandInResolved = {
    linkState: () => (links.size === 0 ? 'missing' : is_up ? 'up' : 'down'),
    settings_folder,
    active: true,
    refusal: null,
    changes: [],
    settings,
    async exec([program, ...args]) {
      if (program === 'systemctl') return answer(stand_in.active ? 0 : 3, '', '');
      const looks = program === 'resolvectl' && (args[0] === 'status' || args.length === 2);
      if (!looks) stand_in.changes.push([program, ...args].join(' '));
      try {
        return answer(0, program === 'ip' ? ip(args) : resolvectl(args), '');
      } catch (error) {
        return answer(1, '', (error as Error).message);
      }
    },
  };
  return stand_in;
}
