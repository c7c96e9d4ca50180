/**
 * Sources as rules see them: what an address means, not how it is spelt. Addresses and globs are brought into one form (scheme and host in
 * small letters; no user, default port, `.git`, escapes, `.` or `..`; `git@host:x` as `ssh://host/x`), and compared part by part,
 * so that a star in the host never reaches into the path. Rules that deny or require also hold whatever the case, and for the
 * address as it was written: what binds is not to be got round, and what allows is to fit exactly.
 */
import { domainToASCII } from 'node:url';
import type { PolicyRule } from '@mainstay/contract/policy';
import { fitsGlob } from './glob.ts';

/** An address in parts, or a text that is none: the name of an app, a glob such as `*shop*`. */
type Form = { scheme: string; host: string; path: string } | string;
export type SourceForm = { written: string; form: Form; folded: Form };

const default_ports: Record<string, number> = { http: 80, https: 443, ssh: 22, git: 9418 };

export function sourceForm(source: string): SourceForm {
  const form = formOf(source, false);
  return { written: source.toLowerCase(), form, folded: folded(form) };
}

/** As `sourceForm`, for a glob of a rule: here `?` is any one character, and a host or scheme may be left to a star. */
export function globForm(glob: string): SourceForm {
  const form = formOf(glob, true);
  return { written: glob.toLowerCase(), form, folded: folded(form) };
}

const globsOf = new WeakMap<readonly string[], SourceForm[]>();

/** Whether one of these globs, of a rule with that effect, means the source. */
export function fitsSource(globs: readonly string[], effect: PolicyRule['effect'], source: SourceForm): boolean {
  let forms = globsOf.get(globs);
  if (!forms) {
    forms = globs.map(globForm);
    globsOf.set(globs, forms);
  }
  if (effect === 'allow') return forms.some(({ form }) => fitsForm(form, source.form));
  return forms.some((glob) => fitsForm(glob.folded, source.folded) || fitsGlob(glob.written, source.written));
}

function fitsForm(glob: Form, source: Form): boolean {
  if (typeof glob === 'string') return fitsGlob(glob, textOf(source));
  if (typeof source === 'string') return false;
  return fitsGlob(glob.scheme, source.scheme) && fitsGlob(glob.host, source.host) && fitsGlob(glob.path, source.path);
}

/** The form as one text, such as `ssh://git.example.org/shop/web`; of a local repository its path. */
export function textOf(form: Form): string {
  if (typeof form === 'string') return form;
  return form.scheme === 'file' ? form.path : `${form.scheme}://${form.host}${form.path}`;
}

function folded(form: Form): Form {
  if (typeof form === 'string') return form.toLowerCase();
  return { ...form, path: form.path.toLowerCase() };
}

function formOf(text: string, is_glob: boolean): Form {
  const url = /^([a-z*?][a-z0-9+.*?-]*):\/\/(.*)$/is.exec(text);
  if (url) return urlForm(url[1]!.toLowerCase(), url[2]!, is_glob);
  if (text.startsWith('/')) return { scheme: 'file', host: '', path: plainPath(text) };
  // A glob may leave the user to a star, such as `*git.example.org:shop/*`.
  const scp = /^([^/]*@)?([^/:@]+)(?::(.*))?$/s.exec(text);
  const [, user, host, path] = scp ?? [];
  if (host !== undefined && (is_glob ? user !== undefined || path !== undefined : user && path !== undefined))
    return { scheme: 'ssh', host: plainHost(host, 'ssh'), path: path === undefined ? '/*' : sshPath(path) };
  return is_glob ? withoutSuffix(text) : text;
}

function urlForm(scheme: string, rest: string, is_glob: boolean): Form {
  const is_web = scheme === 'http' || scheme === 'https';
  // What stands behind `?` or `#` names no repository; of a glob it is any one character. Git has neither of them in ssh:// and git://.
  const meant = is_web ? (is_glob ? rest : rest.replace(/[?#].*$/s, '')).replaceAll('\\', '/') : rest;
  const slash = meant.indexOf('/');
  const authority = decoded(slash < 0 ? meant : meant.slice(0, slash));
  const path = slash < 0 ? null : decoded(meant.slice(slash));
  // Git takes what stands in the place of the host as the beginning of the path.
  if (scheme === 'file') return { scheme, host: '', path: plainPath(`/${authority}${path ?? ''}`) };
  const host = plainHost(authority.slice(authority.lastIndexOf('@') + 1), scheme);
  if (path === null) return { scheme, host, path: is_glob && host.endsWith('*') ? '/*' : '/' };
  return { scheme, host, path: scheme === 'ssh' ? sshPath(path) : plainPath(path) };
}

function plainHost(authority: string, scheme: string): string {
  const [, name = '', port] = /^(.*?)(?::([0-9]*))?$/s.exec(authority) ?? [];
  const lower = name.toLowerCase();
  const host = (domainToASCII(lower) || lower).replace(/\.$/, '');
  return !port || Number(port) === default_ports[scheme] ? host : `${host}:${Number(port)}`;
}

/** Relative to the home of the user and from the root are one: on servers of Git they are. */
function sshPath(path: string): string {
  return plainPath(path.replace(/^\/*~\//, '/'));
}

function plainPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return withoutSuffix(`/${parts.join('/')}`);
}

/** Git finds `x`, `x.git`, `x/.git` and `x/` under one name. */
function withoutSuffix(text: string): string {
  const plain = text.replace(/(\/\.git)?\/*$/i, '').replace(/(?<=[^/])\.git$/i, '');
  return plain === '' && text.startsWith('/') ? '/' : plain;
}

/** Escapes resolved once, those that are no text as well: nothing that follows one is hidden by it. */
function decoded(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
