import { expect, it } from 'vitest';
import { labelInput } from './server-label.ts';

it('reads labels as kubectl has them: key=value sets, key- takes away', () => {
  expect(labelInput(['tier=production', 'zone=', 'a=b=c', 'old-', 'with-dash-'])).toEqual({
    set: { tier: 'production', zone: '', a: 'b=c' },
    remove: ['old', 'with-dash'],
  });
  expect(labelInput([])).toEqual({});
});

it.each([['tier'], ['=x'], ['-'], ['']])('refuses %j, and says how one is written', (word) => {
  expect(() => labelInput([word])).toThrow(/is no label/);
});

it('refuses a key that is named twice', () => {
  expect(() => labelInput(['tier=a', 'tier-'])).toThrow(/a second time/);
});
