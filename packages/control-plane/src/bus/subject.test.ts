import { expect, test } from 'vitest';
import { covers, isPattern, isSubject } from './subject.ts';
import { auditSubject, eventSubject, pendingSubject, streams } from './subjects.ts';

test('a subject is of tokens, and a pattern may have * for one of them and > at its end', () => {
  const subjects = ['a', 'a.b-c.D_9', Array(16).fill('a').join('.')];
  const patterns = ['*', '>', 'a.*', '*.b.*', 'a.>', '*.>'];
  const neither = [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'a.>.b',
    'a*',
    '>a',
    'ä',
    'a\n',
    'x'.repeat(201),
    Array(17).fill('a').join('.'),
  ];
  expect(subjects.filter((text) => !isSubject(text) || !isPattern(text))).toEqual([]);
  expect(patterns.filter((text) => isSubject(text) || !isPattern(text))).toEqual([]);
  expect(neither.filter((text) => isSubject(text) || isPattern(text))).toEqual([]);
});

test('a pattern covers another exactly when whatever fits the other fits it', () => {
  const words = ['a', 'b'];
  const grow = (parts: readonly string[], ends: readonly string[]) =>
    [1, 2, 3].flatMap((length) => {
      let texts = [...parts];
      for (let i = 1; i < length; i++) texts = texts.flatMap((text) => parts.map((part) => `${text}.${part}`));
      return [...texts, ...ends.flatMap((end) => texts.map((text) => `${text}.${end}`))];
    });
  // One token more and another word than patterns have, so that > and * are told from what they might be taken for.
  const subjects = grow([...words, 'c'], ['a', 'b.c']);
  const patterns = ['>', ...grow([...words, '*'], ['>'])].filter((text) => text.split('.').length <= 3);
  const fits = (pattern: string, subject: string) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+').replace('>', '.+')}$`).test(subject);
  const taken = new Map(patterns.map((pattern) => [pattern, subjects.filter((subject) => fits(pattern, subject))]));
  for (const [outer, of_outer] of taken) {
    for (const [inner, of_inner] of taken) {
      const is_within = of_inner.every((subject) => of_outer.includes(subject));
      expect(covers(outer, inner), `${outer} covers ${inner}`).toBe(is_within);
    }
    for (const subject of subjects) expect(covers(outer, subject)).toBe(of_outer.includes(subject));
  }
});

test('what Mainstay publishes fits exactly one of its streams', () => {
  const streamsOf = (subject: string) =>
    streams.filter(({ subjects }) => subjects.some((pattern) => covers(pattern, subject))).map(({ name }) => name);
  expect(streamsOf(pendingSubject('stacks.enable_webhook'))).toEqual(['ops_pending']);
  expect(streamsOf(auditSubject('operation.denied'))).toEqual(['ops_audit']);
  expect(streamsOf(eventSubject('release.started'))).toEqual(['ops_events']);
});
