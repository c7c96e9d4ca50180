/** What is needed to reach a private repository, which URLs it fits, and how it is kept out of texts. */

/** Never in argv, a URL, a log or an error. */
export type GitCredential =
  | { kind: 'deploy_key'; private_key: string }
  | { kind: 'token'; username: string; token: string };

/** Where git is to go, and with what. */
export type GitRemote = { url: string; credential: GitCredential | null };

export function transportOf(url: string): 'http' | 'ssh' | 'other' {
  if (/^https?:\/\//i.test(url)) return 'http';
  if (/^ssh:\/\//i.test(url)) return 'ssh';
  return /^[a-z]+:\/\//i.test(url) || url.startsWith('/') ? 'other' : 'ssh';
}

/** Why the credential can be of no use for the URL, in words for a person; null when it can. */
export function explainMisfit({ url, credential }: GitRemote): { message: string; hint: string } | null {
  const hint = 'Change the URL, or name another `credential`.';
  if (credential?.kind === 'token' && transportOf(url) !== 'http')
    return { message: 'A token can only be used with an https URL.', hint };
  if (credential?.kind === 'deploy_key' && transportOf(url) !== 'ssh')
    return { message: 'A deploy key can only be used with an ssh URL (ssh://… or user@host:path).', hint };
  return null;
}

/** Takes out of a text what is, or looks like, a credential. */
export function scrub(text: string, credential: GitCredential | null): string {
  let clean = text;
  if (credential?.kind === 'token') {
    for (const secret of [credential.token, encodeURIComponent(credential.token)]) {
      if (secret !== '') clean = clean.replaceAll(secret, '[secret]');
    }
  }
  return clean
    .replace(/\/\/[^/\s@]*:[^/\s@]*@/g, '//')
    .replace(/(https?:\/\/)[^/\s@]+@/gi, '$1')
    .replace(/\b(gh[pousr]_|github_pat_|glpat-|xox[abp]-)[A-Za-z0-9_-]+/g, '[secret]')
    .replace(/(authorization:?\s*(basic|bearer)?\s*)\S+/gi, '$1[secret]')
    .replace(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[secret]');
}
