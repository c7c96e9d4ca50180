/** Pages of the Git hosts on which webhooks are added, as far as the address of a repository tells. */
export type HookHost = 'github' | 'gitlab' | 'gitea';
export type HookPage = { repository: string; host: HookHost; url: string };

const paths: Record<HookHost, string> = {
  github: '/settings/hooks/new',
  gitlab: '/-/hooks',
  gitea: '/settings/hooks',
};

/** Null for repositories whose address does not tell of a page, such as folders of this machine. */
export function hookPage(git: string): HookPage | null {
  const found =
    /^(?:https?|ssh|git):\/\/(?:[^@/]*@)?([^/:]+)(?::\d+)?\/(.+?)(?:\.git)?\/?$/i.exec(git) ??
    /^[^@/\s]+@([^/:\s]+):(.+?)(?:\.git)?\/?$/.exec(git);
  if (!found) return null;
  const [, name = '', repository = ''] = found;
  if (/[\s?#\\]/.test(repository) || repository.split('/').length < 2) return null;
  const host = hostOf(name.toLowerCase());
  return host ? { repository, host, url: `https://${name.toLowerCase()}/${repository}${paths[host]}` } : null;
}

function hostOf(name: string): HookHost | null {
  if (name === 'github.com') return 'github';
  if (name === 'gitlab.com' || name.startsWith('gitlab.')) return 'gitlab';
  if (name === 'codeberg.org' || name === 'gitea.com' || /^(gitea|forgejo)\./.test(name)) return 'gitea';
  return null;
}

/** Whether an address is one that a Git host on the internet can reach, as far as its name tells. */
export function isPublicAddress(url: string): boolean {
  const { hostname } = new URL(url);
  if (hostname === 'localhost' || !/[.:]/.test(hostname) || /\.(local|internal|lan|home)$/.test(hostname)) return false;
  return !/^(127\.|10\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]|\[f[cde])/.test(hostname);
}
