import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Actor, Role } from '@mainstay/contract/operation';
import { PolicyCaseFile, weekdays } from '@mainstay/contract/policy';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { default_policy_file } from './default-policies.ts';
import { fitsGlob } from './glob.ts';
import { judge, type Subject } from './judge.ts';
import { policySetOf } from './policy-set.ts';
import { tryCase, tryCases } from './policy-tests.ts';
import { nextOpening } from './window.ts';

const rulesOf = (rules: string) => policySetOf([{ name: 'test.yaml', text: `schema: 1\nrules:\n${rules}` }]).rules;
const user = (role: Role): Actor => ({ kind: 'user', id: 'usr_x', name: role, role, proof: 'session' });
const subject = (change: Partial<Subject>): Subject => ({
  operation: 'stacks.deploy',
  actor: user('deployer'),
  servers: [],
  sources: [],
  stack: 'shop',
  environment: null,
  difference: null,
  ...change,
});

describe('policies', () => {
  const rules = rulesOf(`
  - { name: all, match: { actor: { roles: [deployer] } }, effect: allow }
  - { name: production, match: { target: { labels: { tier: prod* } } }, effect: require, require: { approvals: 1, role: approver, expires_seconds: 7200 } }
  - { name: careful, match: { target: { servers: [db-*] } }, effect: require, require: { approvals: 2, proof: session, confirmation: true, expires_seconds: 600 } }
  - { name: not-theirs, match: { sources: ['https://git.example.org/theirs/*'] }, effect: deny, reason: Not their code. }
`);
  const web = { name: 'web-1', labels: {} };
  const production = { name: 'web-2', labels: { tier: 'production' } };
  const database = { name: 'db-1', labels: { tier: 'production' } };

  it('allow what one rule allows, and deny what none matches', () => {
    expect(judge(rules, subject({ servers: [web] }))).toEqual({ kind: 'allowed', policy: 'test/all' });
    expect(judge(rules, subject({ actor: user('viewer') }))).toMatchObject({ kind: 'denied', policy: null });
    expect(judge([], subject({ actor: user('owner') }))).toMatchObject({ kind: 'denied' });
  });

  it('require all that the rules require that match, the strictest of each', () => {
    expect(judge(rules, subject({ servers: [web, production, database] }))).toMatchObject({
      kind: 'required',
      policy: 'test/careful, test/production',
      approvals: 2,
      role: 'approver',
      proof: 'session',
      confirmation: true,
      expires_seconds: 600,
    });
  });

  it('deny when one rule denies, whatever others allow, and for one of several sources', () => {
    const sources = ['https://git.example.org/mine/a', 'https://git.example.org/theirs/b'];
    expect(judge(rules, subject({ sources }))).toMatchObject({
      kind: 'denied',
      policy: 'test/not-theirs',
      reason: 'Not their code.',
    });
  });

  it('have to allow every server and every source of a change, not one of them', () => {
    const narrow = rulesOf(`
  - { name: mine, match: { sources: ['https://git.example.org/mine/*'], target: { servers: [web-*] } }, effect: allow }
`);
    const mine = 'https://git.example.org/mine/a';
    expect(judge(narrow, subject({ servers: [web], sources: [mine] }))).toMatchObject({ kind: 'allowed' });
    expect(judge(narrow, subject({ servers: [web, database], sources: [mine] }))).toMatchObject({ kind: 'denied' });
    expect(judge(narrow, subject({ servers: [web], sources: [mine, '/srv/git'] }))).toMatchObject({ kind: 'denied' });
    expect(judge(narrow, subject({ servers: [], sources: [mine] }))).toMatchObject({ kind: 'denied' });
    const disguised = 'https://git.example.org/mine/../theirs/b';
    expect(judge(narrow, subject({ servers: [web], sources: [disguised] }))).toMatchObject({ kind: 'denied' });
  });

  it('deny a user who was not proven, whatever the rules say', () => {
    const actor = { ...user('deployer'), proof: 'none' as const };
    expect(judge(rules, subject({ actor }))).toMatchObject({ kind: 'denied' });
  });

  it('that ask for a confirmation deny what is no person', () => {
    const actor: Actor = { kind: 'webhook', id: 'w', name: 'webhook', role: null, proof: 'signature' };
    expect(judge(rules, subject({ actor, servers: [database] }))).toMatchObject({
      kind: 'denied',
      reason: expect.stringContaining('has to be confirmed'),
    });
  });
});

describe('a policy file', () => {
  const file = (rule: string) => `schema: 1\nrules:\n  - ${rule}\n`;
  it.each([
    [
      'an unknown field',
      file('{ name: a, effect: allow, mach: {} }'),
      'InvalidInput',
      /^bad\.yaml:3:\d+: Unknown field/,
    ],
    ['an unknown effect', file('{ name: a, effect: maybe }'), 'InvalidInput', /^bad\.yaml:3:24: "rules\.0\.effect"/],
    ['a deny without a reason', file('{ name: a, effect: deny }'), 'InvalidInput', /must say why/],
    [
      'a require that asks nothing',
      file('{ name: a, effect: require, require: {} }'),
      'InvalidInput',
      /must ask for something/,
    ],
    ['a require without its part', file('{ name: a, effect: require }'), 'InvalidInput', /must ask for something/],
    ['an empty list', file('{ name: a, effect: allow, match: { operations: [] } }'), 'InvalidInput', /at least one/],
    [
      'a wrong time zone',
      file(
        '{ name: a, effect: require, require: { window: { days: [mon], from: "22:00", to: "04:00", time_zone: Mars } } }',
      ),
      'InvalidInput',
      /time zone/,
    ],
    [
      'a time without quotes',
      file('{ name: a, effect: require, require: { window: { days: [mon], from: 22:00, to: 25:00 } } }'),
      'InvalidInput',
      /time of day/,
    ],
    [
      'a name twice',
      'schema: 1\nrules:\n  - { name: a, effect: allow }\n  - { name: a, effect: allow }\n',
      'InvalidInput',
      /^bad\.yaml:4:\d+: .*stands twice: a/,
    ],
    ['a key twice', 'schema: 1\nschema: 1\nrules: []\n', 'InvalidInput', /^bad\.yaml:2:1: /],
    ['no YAML', 'rules: [', 'InvalidInput', /^bad\.yaml:1:\d+: /],
    ['another schema', 'schema: 2\nrules: []\n', 'InvalidInput', /"schema"/],
    ['nothing in it', '', 'InvalidInput', /bad\.yaml/],
    ['too much in it', `# ${'x'.repeat(300_000)}`, 'TooLarge', /256 KiB/],
    [
      'a bomb of aliases',
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n`,
      'InvalidInput',
      /alias/i,
    ],
  ])('with %s is refused, with file, place and field', (_, text, code, message) => {
    let error: unknown;
    try {
      policySetOf([{ name: 'bad.yaml', text }]);
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('takes a time of day in quotes, and a time zone that exists', () => {
    const [rule] = rulesOf(
      '  - { name: a, effect: require, require: { window: { days: [fri], from: "22:00", to: "04:00", time_zone: Europe/Berlin } } }',
    );
    expect(rule).toMatchObject({ name: 'test/a', rule: { require: { approvals: 0, window: { days: ['fri'] } } } });
  });
});

describe('the default set', () => {
  const set = policySetOf([default_policy_file]);
  const decide = (operation: string, actor: Actor, change: Partial<Subject> = {}) =>
    judge(set.rules, subject({ operation, actor, stack: null, ...change })).kind;
  const system: Actor = { kind: 'system', id: 'ref-poller', name: 'ref poller', role: null, proof: 'none' };

  it('is the file that is shipped', () => {
    const path = join(import.meta.dirname, '..', '..', '..', '..', 'policies', 'default.yaml');
    expect(default_policy_file.text).toBe(readFileSync(path, 'utf8'));
  });

  it.each([
    [
      'stacks.deploy',
      { owner: 'allowed', admin: 'allowed', deployer: 'allowed', approver: 'denied', viewer: 'denied' },
    ],
    [
      'servers.invite',
      { owner: 'allowed', admin: 'allowed', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'stacks.remove',
      { owner: 'required', admin: 'required', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'servers.remove',
      { owner: 'required', admin: 'required', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'secrets.remove',
      { owner: 'required', admin: 'required', deployer: 'required', approver: 'denied', viewer: 'denied' },
    ],
    [
      'environments.destroy',
      { owner: 'required', admin: 'required', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'servers.firewall_set',
      { owner: 'required', admin: 'required', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'keeper.rotate_key',
      { owner: 'required', admin: 'denied', deployer: 'denied', approver: 'denied', viewer: 'denied' },
    ],
    [
      'access.create_token',
      { owner: 'allowed', admin: 'allowed', deployer: 'allowed', approver: 'allowed', viewer: 'allowed' },
    ],
  ] as const)('decides %s by role', (operation, expected) => {
    for (const [role, kind] of Object.entries(expected))
      expect([role, decide(operation, user(role as Role))]).toEqual([role, kind]);
  });

  it('lets what Mainstay does by itself move commits, and nothing else', () => {
    expect(decide('stacks.deploy', system, { difference: 'commits_only' })).toBe('allowed');
    expect(decide('stacks.deploy', system, { difference: 'more' })).toBe('denied');
    expect(decide('stacks.deploy', system)).toBe('denied');
    expect(decide('stacks.remove', system, { difference: 'commits_only' })).toBe('denied');
  });

  it('asks for a signed confirmation of what destroys', () => {
    expect(judge(set.rules, subject({ operation: 'stacks.remove', actor: user('owner') }))).toMatchObject({
      confirmation: true,
      proof: 'signed',
      policy: 'default/destructive',
    });
  });
});

describe('globs', () => {
  it.each([
    ['*', '', true],
    ['stacks.*', 'stacks.deploy', true],
    ['stacks.*', 'stacks', false],
    ['*.firewall*', 'servers.firewall_set', true],
    ['web-?', 'web-1', true],
    ['web-?', 'web-12', false],
    ['a*b*c', 'a1b2bc', true],
    ['a*b*c', 'a1b2b', false],
    ['a.c', 'abc', false],
    ['(a+)+', 'aaaa', false],
    [`${'a*'.repeat(50)}b`, 'a'.repeat(2_000), false],
  ])('%s against %s', (pattern, text, fits) => expect(fitsGlob(pattern, text)).toBe(fits));
});

describe('maintenance windows', () => {
  const night = { days: ['fri' as const], from: '22:00', to: '04:00', time_zone: 'Europe/Berlin' };
  const at = (text: string) => Date.parse(text);

  it('are open from their beginning to their end, over midnight, by the clock of their zone', () => {
    for (const [time, open] of [
      ['2026-07-03T19:59:59Z', false],
      ['2026-07-03T20:00:00Z', true],
      ['2026-07-04T01:59:59Z', true],
      ['2026-07-04T02:00:00Z', false],
      ['2026-12-04T20:30:00Z', false],
      ['2026-12-04T21:00:00Z', true],
    ] as const) {
      expect([time, nextOpening([night], at(time)) === at(time)]).toEqual([time, open]);
    }
  });

  it('that are closed tell when they open', () => {
    expect(nextOpening([night], at('2026-07-04T02:00:00Z'))).toBe(at('2026-07-10T20:00:00Z'));
  });

  it('of several rules have to be open together; those that never are, never open', () => {
    const early = { days: ['sat' as const], from: '03:00', to: '05:00', time_zone: 'Europe/Berlin' };
    expect(nextOpening([night, early], at('2026-07-01T00:00:00Z'))).toBe(at('2026-07-04T01:00:00Z'));
    const never = { ...early, days: ['mon' as const] };
    expect(nextOpening([night, never], at('2026-07-01T00:00:00Z'))).toBeNull();
  });

  it('with equal times are open for a whole day', () => {
    const day = { days: ['mon' as const], from: '00:00', to: '00:00', time_zone: 'UTC' };
    expect(nextOpening([day], at('2026-07-06T23:59:00Z'))).toBe(at('2026-07-06T23:59:00Z'));
    expect(nextOpening([day], at('2026-07-07T00:00:00Z'))).toBe(at('2026-07-13T00:00:00Z'));
  });
});

describe('the guide', () => {
  const guide = readFileSync(
    join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'guides', 'policies.md'),
    'utf8',
  );
  const [rules, cases] = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map((block) => block[1]!);

  it('shows policies and cases that are acceptable and pass', () => {
    const set = policySetOf([{ name: 'production.yaml', text: rules! }]);
    const file = PolicyCaseFile.parse(parse(cases!));
    for (const one of file.cases) expect(tryCase(set.rules, one, 0)).toMatchObject({ passed: true, message: null });
    expect(file.cases.length).toBeGreaterThan(0);
  });
});

describe('work on policies that somebody sends', () => {
  const rules = (count: number, rule: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => `  - { name: r${n}, ${rule(n)} }`).join('\n');
  const caseOf = (propose: object) =>
    PolicyCaseFile.parse({ schema: 1, cases: [{ name: 'one', propose, expect: { decision: 'denied' } }] }).cases;

  it('ends early where globs were made to be slow', () => {
    const slow = JSON.stringify(Array.from({ length: 100 }, (_, n) => `*${'a'.repeat(150)}${n}`));
    const hostile = rulesOf(rules(5, () => `effect: allow, match: { sources: ${slow} }`));
    const sources = Array.from({ length: 100 }, (_, n) => `/${'a'.repeat(2_000)}${n}b`);
    const cases = caseOf({ operation: 'stacks.deploy', sources });
    expect(() => tryCases(hostile, cases, 0)).toThrow(expect.objectContaining({ code: 'TooLarge' }));
  });

  it('ends early where windows were made never to meet', () => {
    const window = (n: number) => `window: { days: [${weekdays[n % 7]}], from: "10:00", to: "10:01", time_zone: UTC }`;
    const hostile = rulesOf(rules(400, (n) => `effect: require, require: { ${window(n)} }`));
    const cases = Array.from({ length: 200 }, () => caseOf({ operation: 'stacks.deploy' })[0]!);
    expect(() => tryCases(hostile, cases, 0)).toThrow(expect.objectContaining({ code: 'TooLarge' }));
  });

  it('is enough for a large set of ordinary policies and cases', () => {
    const many = rulesOf(
      rules(200, (n) => `effect: allow, match: { sources: ['https://git.example.org/team-${n}/*', '*/shared-${n}'] }`),
    );
    const sources = Array.from({ length: 5 }, (_, n) => `https://git.example.org/team-${n}/service`);
    const cases = Array.from({ length: 100 }, () => caseOf({ operation: 'stacks.deploy', sources })[0]!);
    expect(tryCases(many, cases, 0)).toHaveLength(100);
  });

  it('finds the one key that stands twice among tens of thousands, within the time of a test', () => {
    const keys = Array.from({ length: 30_000 }, (_, n) => `k${n}:`);
    const text = `{ ${[...keys, 'k7:'].join(', ')} }`;
    expect(() => policySetOf([{ name: 'test.yaml', text }])).toThrow(/^test.yaml:1:\d+: .*"k7"/);
  });

  it('refuses aliases in their thousands before it follows them', () => {
    const text = ['a', '*'].flatMap((mark) =>
      Array.from({ length: 9_000 }, (_, n) => `- ${mark === '*' ? `*x${n}` : `&x${n} a`}`),
    );
    expect(() => policySetOf([{ name: 'test.yaml', text: text.join('\n') }])).toThrow(/aliases/);
  });
});
