import { describe, expect, it } from 'vitest';
import { fitsSource, sourceForm, textOf } from './source-form.ts';

const repository = 'https://git.example.org/theirs/app';
const over_ssh = 'ssh://git.example.org/theirs/app';

describe('an address', () => {
  it.each([
    ['https://git.example.org/mine/../theirs/app', repository],
    ['https://git.example.org/mine/%2e%2e/theirs/app/', repository],
    ['https://git.example.org/mine%2F..%2Ftheirs/app', repository],
    ['https://GIT.Example.org/theirs/app', repository],
    ['HTTPS://git.example.org/theirs/app.git', repository],
    ['https://git.example.org/theirs/app.git//', repository],
    ['https://git.example.org/theirs/app/.git', repository],
    ['https://git.example.org:443/theirs/app', repository],
    ['https://git.example.org:0443/theirs/app', repository],
    ['https://git.example.org./theirs/app', repository],
    ['https://someone@git.example.org/theirs/app', repository],
    ['https://git.example.org%2f@git.example.org/theirs/app', repository],
    ['https://git.example.org//theirs/./app', repository],
    ['https://git.example.org\\theirs\\app', repository],
    ['https://git.example.org/%74heirs/app', repository],
    ['https://g%69t.example.org/theirs/app', repository],
    ['https://git.example.org/theirs/app?x=/mine', repository],
    ['https://git.example.org/theirs/app#mine', repository],
    ['https://git.example.org:8443/theirs/app', 'https://git.example.org:8443/theirs/app'],
    ['http://git.example.org:80/theirs/app', 'http://git.example.org/theirs/app'],
    ['git://git.example.org:9418/theirs/app', 'git://git.example.org/theirs/app'],
    ['git@git.example.org:theirs/app.git', over_ssh],
    ['git@git.example.org:/theirs/app', over_ssh],
    ['git@git.example.org:~/theirs/app', over_ssh],
    ['other@GIT.example.org:mine/../theirs/app/', over_ssh],
    ['ssh://git@git.example.org/theirs/app', over_ssh],
    ['ssh://git@git.example.org:22/~/theirs/app.git', over_ssh],
    ['ssh://git%40git.example.org/theirs/app', over_ssh],
    ['ssh://git@git.example.org/mine?/../theirs/app', over_ssh],
    ['ssh://git@git.example.org:2222/theirs/app', 'ssh://git.example.org:2222/theirs/app'],
    ['git@git.example.org:theirs/%61pp', 'ssh://git.example.org/theirs/%61pp'],
    ['https://bücher.example/a', 'https://xn--bcher-kva.example/a'],
    ['https://0x7f.1/a', 'https://127.0.0.1/a'],
    ['https://[0:0::1]:443/a', 'https://[::1]/a'],
    ['/srv/git/./mine//x/../y.git', '/srv/git/mine/y'],
    ['file:///srv/git/mine/y/', '/srv/git/mine/y'],
    ['https://git.example.org/%ff/th%65irs', 'https://git.example.org/\ufffd/theirs'],
    ['nginx', 'nginx'],
  ])('%s is seen as %s', (source, plain) => expect(textOf(sourceForm(source).form)).toBe(plain));
});

const spellings = [
  'https://git.example.org/theirs/app',
  'https://GIT.example.org:443/theirs/app.git/',
  'https://git.example.org/Theirs/App',
  'https://git.example.org/mine/%2e%2e/%74heirs/app',
  'https://x@git.example.org./theirs/app?y',
];
const spellings_over_ssh = [
  'git@git.example.org:theirs/app',
  'x@git.example.org:/theirs/app.git',
  'ssh://git.example.org:22/theirs/app/',
  'ssh://git@GIT.example.org/Theirs/app',
];

describe('what denies', () => {
  it.each([
    'https://git.example.org/theirs/*',
    'https://git.example.org/theirs/app.git',
    'https://GIT.example.org:443/theirs/app',
    'https://*.example.org/theirs/*',
    '*://git.example.org/theirs/*',
    '*git.example.org/theirs/*',
    '*/theirs/app',
    'https://git.example.org/their?/app',
  ])('%s is got round by no spelling', (glob) => {
    for (const source of spellings)
      expect([source, fitsSource([glob], 'deny', sourceForm(source))]).toEqual([source, true]);
  });

  it.each([
    'git@git.example.org:theirs/*',
    'ssh://git@git.example.org/theirs/*',
    'ssh://git.example.org:22/theirs/app.git',
    '*@git.example.org:theirs/*',
    '*git.example.org:theirs/*',
    'git@*',
    '*://git.example.org/theirs/*',
  ])('%s is got round by no spelling over SSH', (glob) => {
    for (const source of spellings_over_ssh)
      expect([source, fitsSource([glob], 'deny', sourceForm(source))]).toEqual([source, true]);
  });

  it('holds for local repositories by path and by URL', () => {
    for (const source of ['/srv/git/app', 'file:///srv/git/app.git', '/srv/other/../git/app/.git'])
      for (const glob of ['/srv/git/*', 'file:///srv/git/*'])
        expect([source, fitsSource([glob], 'require', sourceForm(source))]).toEqual([source, true]);
  });

  it('holds for what is written, too', () => {
    expect(fitsSource(['*:80*'], 'deny', sourceForm('http://git.example.org:80/a'))).toBe(true);
  });
});

describe('what allows', () => {
  it.each([
    ['https://git.example.org/mine/*', 'https://git.example.org/mine/../theirs', false],
    ['https://git.example.org/mine/*', 'https://git.example.org/mine%2f%2e%2e/theirs', false],
    ['https://git.example.org/mine/*', 'https://git.example.org/mine/app.git', true],
    ['https://git.example.org/mine/*', 'https://git.example.org/Mine/app', false],
    ['https://git.example.org/mine/*', 'http://git.example.org/mine/app', false],
    ['https://git.example.org/mine/*', 'https://git.example.org:8443/mine/app', false],
    ['https://*.example.org/*', 'https://git.example.org/mine', true],
    ['https://*.example.org/*', 'https://evil.test/x.example.org/mine', false],
    ['https://*.example.org/*', 'https://git.example.org@evil.test/mine', false],
    ['https://*', 'https://anywhere.test/mine', true],
    ['https://*', 'http://anywhere.test/mine', false],
    ['git@git.example.org:mine/*', 'ssh://git@git.example.org/mine/app', true],
    ['git@git.example.org:mine/*', 'git@evil.test:git.example.org:mine/app', false],
    ['/srv/git/*', '/srv/git/../secret', false],
    ['*', 'nginx', true],
    ['nginx', 'nginx', true],
  ] as const)('%s fits %s: %s', (glob, source, fits) =>
    expect(fitsSource([glob], 'allow', sourceForm(source))).toBe(fits),
  );
});
