import { expect, test } from 'vitest';
import { labelsOf, labelsText } from './labels.ts';

test('labels that were read are written again as they were', () => {
  for (const text of ['', 'role=web', 'role=web, region=eu', 'canary=']) expect(labelsText(labelsOf(text))).toBe(text);
});

test('commas and blanks part labels, and a word without a sign is a label without a value', () => {
  expect(labelsOf(' role=web,region=eu\n canary ')).toEqual({ role: 'web', region: 'eu', canary: '' });
});
