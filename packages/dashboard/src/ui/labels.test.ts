import { Labels } from '@mainstay/contract/server-labels';
import { expect, test } from 'vitest';
import { labelsDifference, labelsOf, labelsText } from './labels.ts';

test('labels that were read are written again as they were', () => {
  for (const text of ['', 'role=web', 'role=web, region=eu', 'canary=']) expect(labelsText(labelsOf(text))).toBe(text);
});

test('a label that stands twice takes nothing from the first, and is none that could be accepted', () => {
  const labels = labelsOf('role=web, role=db');
  expect(labels['role']).toBe('web');
  expect(Labels.safeParse(labels).success).toBe(false);
});

test('commas and blanks part labels, and a word without a sign is a label without a value', () => {
  expect(labelsOf(' role=web,region=eu\n canary ')).toEqual({ role: 'web', region: 'eu', canary: '' });
});

test('a difference sets what is new or another, and takes away what is gone', () => {
  const from = { role: 'web', region: 'eu', canary: '' };
  expect(labelsDifference(from, { role: 'db', region: 'eu', zone: '' })).toEqual({
    set: { role: 'db', zone: '' },
    remove: ['canary'],
  });
  expect(labelsDifference(from, from)).toEqual({ set: {}, remove: [] });
});
