import { expect, test } from 'vitest';
import { hookPage, isPublicAddress } from './hook-pages.ts';

test('the page of a repository is found from https, ssh and scp-like addresses', () => {
  const url = 'https://github.com/acme/shop/settings/hooks/new';
  for (const git of [
    'https://github.com/acme/shop.git',
    'https://github.com/acme/shop',
    'git@github.com:acme/shop.git',
    'ssh://git@github.com:22/acme/shop.git',
  ]) {
    expect(hookPage(git)?.url, git).toBe(url);
  }
  expect(hookPage('https://gitlab.example.com/a/b/c.git')?.url).toBe('https://gitlab.example.com/a/b/c/-/hooks');
  expect(hookPage('https://codeberg.org/a/b.git')?.host).toBe('gitea');
});

test('an address that tells of no page gives none', () => {
  for (const git of ['/srv/git/shop', 'file:///srv/git/shop', 'https://example.com/a/b.git', 'https://github.com/x']) {
    expect(hookPage(git), git).toBe(null);
  }
});

test('addresses of this machine and of private networks are no public ones', () => {
  for (const url of [
    'http://localhost:1/',
    'http://127.0.0.1/',
    'http://192.168.1.2/',
    'http://box/',
    'http://[::1]/',
    'http://172.20.0.1/',
    'http://box.local/',
  ]) {
    expect(isPublicAddress(url), url).toBe(false);
  }
  expect(isPublicAddress('https://mainstay.example.com/')).toBe(true);
  expect(isPublicAddress('http://8.8.8.8/')).toBe(true);
});
